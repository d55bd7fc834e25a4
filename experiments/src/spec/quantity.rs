//! Sizes with units, as configurations write them.

/// Parses `500`, `64KiB`, `2GiB`, `50MB`.
///
/// # Errors
/// Text that is no such size, or 0.
pub fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let bad = || format!("`{text}` is not a size such as 64KiB, 50MB or 2GiB");
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit_bytes: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "kib" => 1 << 10,
        "mb" => 1_000_000,
        "mib" => 1 << 20,
        "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        "tb" => 1_000_000_000_000,
        "tib" => 1 << 40,
        _ => return Err(bad()),
    };
    let number: u64 = number.trim().parse().map_err(|_| bad())?;
    number.checked_mul(unit_bytes).filter(|bytes| *bytes > 0).ok_or_else(bad)
}
