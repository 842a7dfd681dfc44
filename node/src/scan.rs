//! stub to be replaced
/// c
pub struct Canaries(Vec<String>);
impl Canaries {
    /// n
    #[must_use]
    pub fn new(c: &[String]) -> Self { Self(c.to_vec()) }
    /// s
    #[must_use]
    pub fn scan_bytes(&self, b: &[u8]) -> Vec<String> { self.0.iter().filter(|c| b.windows(c.len()).any(|w| w == c.as_bytes())).cloned().collect() }
    /// m
    #[must_use]
    pub fn missing_from(&self, b: &[u8]) -> Vec<String> { let f = self.scan_bytes(b); self.0.iter().filter(|c| !f.contains(c)).cloned().collect() }
}
