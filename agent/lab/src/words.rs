//! Code words for names that an environment makes up.
//!
//! None of them stands in any wording of a task, so that a name that was made up is never mistaken for
//! a value of the task.

/// Words for made-up names of headers, fields, flags, steps and directories.
pub(crate) const CODE_WORDS: [&str; 72] = [
    "acorn", "agate", "alder", "amber", "anvil", "aspen", "auburn", "basalt", "beryl", "birch",
    "bramble", "bronze", "cedar", "cinder", "clover", "cobalt", "copper", "coral", "cypress",
    "ember", "falcon", "fennel", "flint", "garnet", "ginger", "granite", "hazel", "heron",
    "indigo", "ivory", "jasper", "juniper", "kestrel", "larch", "lilac", "linden", "lupin",
    "magpie", "mallow", "maple", "marble", "marlin", "merlin", "mica", "nettle", "ochre", "onyx",
    "opal", "osprey", "pewter", "plover", "poplar", "quartz", "quill", "raven", "russet",
    "saffron", "sorrel", "sparrow", "spruce", "sumac", "tansy", "teal", "thistle", "topaz",
    "umber", "violet", "walnut", "willow", "wren", "yarrow", "zinc",
];

/// Letters that begin made-up identifiers of tasks.
pub(crate) const PREFIXES: [&str; 12] =
    ["AX", "BK", "CT", "DR", "FN", "GL", "HV", "KM", "NP", "QS", "TW", "VZ"];
