//! What spares the person: nothing, one thing at a time, and all of it.

/// One way.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// What it is called in the table.
    pub name: &'static str,
    /// She answers "Always…" where she would always say yes.
    pub rules: bool,
    /// An agent that was told no may not ask on, as the server has it by default.
    pub cool_down: bool,
    /// No more than two questions of one agent may wait for her, and an agent may ask five times a minute.
    pub limits: bool,
    /// She pauses all agents when she goes to bed, until she gets up.
    pub pauses: bool,
}

/// Nothing at all.
pub const NOTHING: Way = Way {
    name: "nothing",
    rules: false,
    cool_down: false,
    limits: false,
    pauses: false,
};

/// "Always" alone.
pub const RULES: Way = Way {
    name: "“Always…”",
    rules: true,
    ..NOTHING
};

/// All ways there are.
pub const WAYS: [Way; 6] = [
    NOTHING,
    RULES,
    Way {
        name: "rest after denials",
        cool_down: true,
        ..NOTHING
    },
    Way {
        name: "limits on what waits",
        limits: true,
        ..NOTHING
    },
    Way {
        name: "agents paused at night",
        pauses: true,
        ..NOTHING
    },
    Way {
        name: "all of it",
        rules: true,
        cool_down: true,
        limits: true,
        pauses: true,
    },
];
