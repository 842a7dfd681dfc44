#!/bin/sh
# A sweep on Slurm: one task of an array for each shard.
#   sbatch --array=0-15 slurm.sh SWEEP.toml RESULTS
# The index and the number of shards come from the array. Submit it again after a time limit or a lost machine:
# what is there already is skipped. When all tasks are done: lore-sim merge RESULTS -o results.parquet
#SBATCH --job-name=lore-sim
#SBATCH --cpus-per-task=2
#SBATCH --mem-per-cpu=1G
#SBATCH --time=04:00:00
#SBATCH --output=lore-sim-%A-%a.log
set -eu

if [ $# -ne 2 ]; then
    echo 'usage: sbatch --array=0-15 slurm.sh SWEEP.toml RESULTS' >&2
    exit 2
fi
if [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
    echo 'no index: submit with --array=0-N, where N is the number of shards less one' >&2
    exit 2
fi

exec "${LORE_SIM:-lore-sim}" sweep run "$1" --out "$2" --threads "${SLURM_CPUS_PER_TASK:-1}"
