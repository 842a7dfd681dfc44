//! Seeds on the command line: how many, or which.

use std::str::FromStr;

/// Most seeds of one run.
const MOST: u64 = 1_000_000;

/// Seeds as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seeds {
    /// So many, counted up from the first.
    Count(u64),
    /// From the first to the last, both included.
    Range(u64, u64),
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            format!(
                "`{text}` must be a number from 1 to {MOST}, or a range such as 1..20, which holds 20 too"
            )
        };
        let number = |part: &str| part.parse::<u64>().map_err(|_| wanted());
        let Some((first, last)) = text.split_once("..") else {
            let count = number(text)?;
            return if (1..=MOST).contains(&count) {
                Ok(Self::Count(count))
            } else {
                Err(wanted())
            };
        };
        let (first, last) = (number(first)?, number(last)?);
        if first > last || last - first >= MOST {
            return Err(wanted());
        }
        Ok(Self::Range(first, last))
    }
}

impl Seeds {
    /// The seeds; counted ones from `first` on.
    ///
    /// # Errors
    /// Fails when there are not so many numbers after the first.
    pub(crate) fn list(self, first: u64) -> anyhow::Result<Vec<u64>> {
        match self {
            Self::Range(first, last) => Ok((first..=last).collect()),
            Self::Count(count) => match first.checked_add(count - 1) {
                Some(last) => Ok((first..=last).collect()),
                None => anyhow::bail!(
                    "seeds from {first} on are fewer than {count}; choose a smaller --seed"
                ),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_count_starts_at_the_first_and_a_range_has_both_ends() {
        assert_eq!("3".parse::<Seeds>().unwrap().list(7).unwrap(), [7, 8, 9]);
        assert_eq!("4..6".parse::<Seeds>().unwrap().list(7).unwrap(), [4, 5, 6]);
        assert!(Seeds::Count(2).list(u64::MAX).is_err());
        for text in ["0", "6..4", "1..", "a", "1..1000001", "-1"] {
            let error = text.parse::<Seeds>().unwrap_err();
            assert!(error.contains("1..20"), "{error}");
        }
    }
}
