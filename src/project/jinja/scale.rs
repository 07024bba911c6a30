//! How much a rendering may do, by what it is for.

/// A project may do as much as all its renderings together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// A node of a project of few files.
    Node,
    /// A node of a project of many.
    NodeOfMany,
    /// One data test, or one call of a macro that names a node.
    Call,
    /// A value in YAML.
    Setting,
    /// One of very many values of a YAML file.
    SettingOfMany,
}

impl Scale {
    pub(super) const COUNT: usize = 5;

    /// Fuel of one template, a node's or a macro's: an instruction, or 64 bytes that the engine writes, which are
    /// at most 64 MB.
    pub(super) const fn fuel(self) -> u64 {
        match self {
            Self::Node => 1_000_000,
            Self::NodeOfMany => 500_000,
            Self::Call => 200_000,
            Self::Setting => 50_000,
            Self::SettingOfMany => 5_000,
        }
    }

    const ALL: [Self; Self::COUNT] = [Self::Node, Self::NodeOfMany, Self::Call, Self::Setting, Self::SettingOfMany];

    pub(super) fn of(index: usize) -> Self {
        Self::ALL.get(index).copied().unwrap_or(Self::Node)
    }
}
