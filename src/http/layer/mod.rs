//! What every answer gets, whoever wrote it.

pub mod request_id;
pub mod security_headers;
