//! How a person is told: by letter and by web push, again and again, and until it is too late.
