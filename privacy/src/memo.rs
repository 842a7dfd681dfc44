//! Results of opendp's maps that were computed before.
//!
//! While opendp 0.16.0 computes with floats it replaces the process's panic hook by a silent one, for a moment
//! each time. A panic on another thread is not reported then. So what a plan or a conversion comes to, both
//! functions of public numbers, is computed once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::PrivacyError;

/// Most results that are kept; then all are forgotten.
const MOST: usize = 4_096;

/// Results by their parameters.
pub(crate) struct Memo<K, V>(Mutex<BTreeMap<K, V>>);

impl<K: Ord, V: Copy> Memo<K, V> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// The result for these parameters, computed when it is not known. Errors are not kept.
    pub(crate) fn get(
        &self,
        key: K,
        compute: impl FnOnce() -> Result<V, PrivacyError>,
    ) -> Result<V, PrivacyError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let value = compute()?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(key, value);
        Ok(value)
    }
}
