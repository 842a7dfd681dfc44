//! The machine and the time of a measurement, for pages that are kept.

/// Processor, cores, memory and system, as far as the system tells.
pub(super) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processor = field(&read("/proc/cpuinfo"), "model name");
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
        .map_or_else(|| "unknown memory".to_owned(), |kib| format!("{} GiB memory", kib >> 20));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{} core{} of {}, {memory}, {} {}",
        cores,
        if cores == 1 { "" } else { "s" },
        processor.as_deref().unwrap_or("an unknown processor"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// The command line of this process, with the name of the program for its path.
pub(super) fn command_line() -> String {
    let words = std::env::args().skip(1).map(|word| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@%+".contains(c);
        if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{word}'") }
    });
    std::iter::once("lore".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
