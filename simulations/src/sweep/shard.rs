//! Which part of a sweep this process computes.

/// Variables in which schedulers put the number of an array's task, in the order in which they are asked.
pub const INDEX_VARIABLES: [&str; 3] =
    ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"];

/// Slurm says how many tasks the array has, too.
const COUNT_VARIABLE: &str = "SLURM_ARRAY_TASK_COUNT";

/// Why there is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not `i/n`.
    #[error("--shard is `{0}`; write INDEX/COUNT, counted from 0, as in `--shard 0/4`")]
    Malformed(String),
    /// An index that is not below the count.
    #[error("shard {index} of {of} ({source_of_index}): indices go from 0 to {}", of.saturating_sub(1))]
    Outside {
        /// The index.
        index: u64,
        /// The count.
        of: u64,
        /// Flag or variable that said so.
        source_of_index: String,
    },
    /// A variable that holds no number.
    #[error("{0} is `{1}`, which is no number")]
    Variable(&'static str, String),
    /// An index without a count.
    #[error(
        "{0} is set, but not the number of shards; add --shards COUNT, or --shard 0/1 for all cells"
    )]
    NoCount(&'static str),
    /// A count without an index.
    #[error(
        "--shards {0} needs an index; set one of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX and AWS_BATCH_JOB_ARRAY_INDEX, or use --shard INDEX/COUNT"
    )]
    NoIndex(u64),
}

/// A part of the cells: those whose number modulo `of` is `index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Index, below `of`.
    pub index: u64,
    /// Number of shards.
    pub of: u64,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// The shard that the flags name, else the environment, else everything. `variable` reads the
    /// environment.
    ///
    /// # Errors
    /// Fails when flags or variables do not name one part: a wrong guess would leave cells out.
    pub fn choose(
        shard: Option<&str>,
        shards: Option<u64>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ShardError> {
        if let Some(text) = shard {
            let malformed = || ShardError::Malformed(text.to_owned());
            let (index, of) = text.split_once('/').ok_or_else(malformed)?;
            let number = |text: &str| text.parse::<u64>().map_err(|_| malformed());
            return Self::checked(number(index)?, number(of)?, "--shard");
        }
        let number = |name: &'static str| match variable(name) {
            None => Ok(None),
            Some(text) => match text.parse::<u64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(ShardError::Variable(name, text)),
            },
        };
        for name in INDEX_VARIABLES {
            let Some(index) = number(name)? else { continue };
            let counted = if name == INDEX_VARIABLES[0] { number(COUNT_VARIABLE)? } else { None };
            let of = shards.or(counted).ok_or(ShardError::NoCount(name))?;
            return Self::checked(index, of, name);
        }
        match shards {
            None | Some(1) => Ok(Self::WHOLE),
            Some(of) => Err(ShardError::NoIndex(of)),
        }
    }

    fn checked(index: u64, of: u64, source: &str) -> Result<Self, ShardError> {
        if index < of {
            return Ok(Self { index, of });
        }
        Err(ShardError::Outside { index, of, source_of_index: source.to_owned() })
    }

    /// True when a cell belongs to this part.
    #[must_use]
    pub const fn has(self, cell: u64) -> bool {
        cell % self.of == self.index
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn choose(
        shard: Option<&str>,
        shards: Option<u64>,
        variables: &[(&str, &str)],
    ) -> Result<Shard, ShardError> {
        Shard::choose(shard, shards, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn flags_come_before_variables_and_variables_before_everything() {
        let slurm = [("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "8")];
        assert_eq!(choose(Some("1/2"), None, &slurm).unwrap(), Shard { index: 1, of: 2 });
        assert_eq!(choose(None, None, &slurm).unwrap(), Shard { index: 3, of: 8 });
        assert_eq!(choose(None, Some(5), &slurm).unwrap(), Shard { index: 3, of: 5 });
        for name in ["JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"] {
            let one = [(name, "2")];
            assert_eq!(choose(None, Some(4), &one).unwrap(), Shard { index: 2, of: 4 });
            assert_eq!(choose(None, None, &one).unwrap_err(), ShardError::NoCount(name));
        }
        assert_eq!(choose(None, None, &[]).unwrap(), Shard::WHOLE);
    }

    #[test]
    fn what_names_no_part_is_refused() {
        for text in ["1", "1/", "/2", "a/2", "-1/2"] {
            let error = choose(Some(text), None, &[]).unwrap_err();
            assert_eq!(error, ShardError::Malformed(text.to_owned()));
        }
        for text in ["2/2", "0/0"] {
            let error = choose(Some(text), None, &[]).unwrap_err();
            assert!(matches!(error, ShardError::Outside { .. }), "{error}");
        }
        let slurm = [("SLURM_ARRAY_TASK_ID", "8"), ("SLURM_ARRAY_TASK_COUNT", "8")];
        let error = choose(None, None, &slurm).unwrap_err().to_string();
        assert!(error.contains("SLURM_ARRAY_TASK_ID") && error.contains("0 to 7"), "{error}");
        let error = choose(None, Some(4), &[("JOB_COMPLETION_INDEX", "x")]).unwrap_err();
        assert!(matches!(error, ShardError::Variable("JOB_COMPLETION_INDEX", _)));
        assert_eq!(choose(None, Some(4), &[]).unwrap_err(), ShardError::NoIndex(4));
    }

    #[test]
    fn every_cell_is_in_exactly_one_shard() {
        for of in 1..6 {
            for cell in 0..50 {
                let having = (0..of).filter(|index| Shard { index: *index, of }.has(cell));
                assert_eq!(having.count(), 1);
            }
        }
    }
}
