//! The seccomp filters of a command.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::syscalls::{ALLOWED, ALLOWED_LEGACY, REFUSED, UNSUPPORTED};

/// Set-user-id and set-group-id bits of a file mode.
const SET_ID_BITS: [u64; 2] = [0o4000, 0o2000];

/// The rules for sockets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sockets {
    /// AF_INET and AF_INET6 too.
    pub(super) internet: bool,
    /// Connections over TCP and IPv4 too, which Landlock confines to ports.
    pub(super) tcp: bool,
    /// AF_UNIX sockets by name. Only when the names of others cannot be reached, since a filter does not
    /// see the name; pairs are always allowed.
    pub(super) unix: bool,
}

/// The filters in the order in which they are to be installed.
///
/// # Errors
/// When the architecture is unknown to the compiler of filters.
pub(super) fn programs(sockets: Sockets) -> Result<[BpfProgram; 3], seccompiler::Error> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let allowed: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(ALLOWED_LEGACY).map(|number| (*number, Vec::new())).collect();
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let allow = SeccompFilter::new(allowed, unknown, SeccompAction::Allow, arch)?;

    let mut refused: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|number| (*number, Vec::new())).collect();
    refused.extend(by_argument(sockets)?);
    let eperm = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let refuse = SeccompFilter::new(refused, SeccompAction::Allow, eperm, arch)?;

    let unsupported: BTreeMap<i64, Vec<SeccompRule>> =
        UNSUPPORTED.iter().map(|number| (*number, Vec::new())).collect();
    let eopnotsupp = SeccompAction::Errno(libc::EOPNOTSUPP.unsigned_abs());
    let unsupported = SeccompFilter::new(unsupported, SeccompAction::Allow, eopnotsupp, arch)?;
    // Of two equal actions the filter installed last decides the number of the error.
    Ok([allow.try_into()?, refuse.try_into()?, unsupported.try_into()?])
}

/// Rules that depend on arguments: each names what is refused.
fn by_argument(
    sockets: Sockets,
) -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();

    let mut families: Vec<SeccompCondition> = Vec::new();
    let mut allow_family = |family: i32| -> Result<(), seccompiler::BackendError> {
        families.push(compare(0, SeccompCmpOp::Ne, u64::from(family.unsigned_abs()))?);
        Ok(())
    };
    if sockets.unix {
        allow_family(libc::AF_UNIX)?;
    }
    if sockets.internet {
        allow_family(libc::AF_INET)?;
        allow_family(libc::AF_INET6)?;
    }
    if sockets.tcp && !sockets.internet {
        allow_family(libc::AF_INET)?;
    }
    let mut socket =
        if families.is_empty() { Vec::new() } else { vec![SeccompRule::new(families)?] };
    if sockets.tcp && !sockets.internet {
        socket.extend(other_than_tcp()?);
        // A connection by sending is none that Landlock sees.
        let fast_open = [u64::from(libc::MSG_FASTOPEN.unsigned_abs())];
        for (call, argument) in
            [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)]
        {
            rules.insert(call, any_bit(argument, &fast_open)?);
        }
    }
    rules.insert(libc::SYS_socket, socket);
    // Raw sockets need a capability that is gone; a pair of another family does not exist.
    let pair = vec![compare(0, SeccompCmpOp::Ne, u64::from(libc::AF_UNIX.unsigned_abs()))?];
    rules.insert(libc::SYS_socketpair, vec![SeccompRule::new(pair)?]);

    let namespaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWCGROUP,
    ];
    let bits = namespaces.map(|flag| u64::from(flag.unsigned_abs()));
    rules.insert(libc::SYS_clone, any_bit(0, &bits)?);

    // Typing into a terminal that was inherited, and the console's selection buffer.
    let terminal = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD, libc::TIOCCONS]
        .iter()
        .map(|request| SeccompRule::new(vec![compare(1, SeccompCmpOp::Eq, *request)?]))
        .collect::<Result<Vec<_>, _>>()?;
    rules.insert(libc::SYS_ioctl, terminal);

    // A set-user-id file in the workspace would work outside, where the mount does not ignore the bit.
    for (call, argument) in [
        (libc::SYS_fchmod, 1),
        (libc::SYS_fchmodat, 2),
        (libc::SYS_fchmodat2, 2),
        (libc::SYS_mkdirat, 2),
        (libc::SYS_mknodat, 2),
    ] {
        rules.insert(call, any_bit(argument, &SET_ID_BITS)?);
    }
    rules.insert(libc::SYS_openat, creating(2, 3)?);
    #[cfg(target_arch = "x86_64")]
    {
        for (call, argument) in
            [(libc::SYS_chmod, 1), (libc::SYS_creat, 1), (libc::SYS_mkdir, 1), (libc::SYS_mknod, 1)]
        {
            rules.insert(call, any_bit(argument, &SET_ID_BITS)?);
        }
        rules.insert(libc::SYS_open, creating(1, 2)?);
    }
    Ok(rules)
}

/// Matches internet sockets of another type or protocol than TCP.
fn other_than_tcp() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let internet = || compare(0, SeccompCmpOp::Eq, u64::from(libc::AF_INET.unsigned_abs()));
    let mut types = vec![internet()?];
    for flags in
        [0, libc::SOCK_CLOEXEC, libc::SOCK_NONBLOCK, libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK]
    {
        let stream = (libc::SOCK_STREAM | flags).unsigned_abs();
        types.push(compare(1, SeccompCmpOp::Ne, u64::from(stream))?);
    }
    let mut protocols = vec![internet()?];
    for protocol in [0, libc::IPPROTO_TCP] {
        protocols.push(compare(2, SeccompCmpOp::Ne, u64::from(protocol.unsigned_abs()))?);
    }
    Ok(vec![SeccompRule::new(types)?, SeccompRule::new(protocols)?])
}

fn compare(
    argument: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    // The kernel reads these arguments as 32 bits, so a comparison of 64 could be evaded.
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

/// One rule per bit: matches when any is set.
fn any_bit(argument: u8, bits: &[u64]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    bits.iter()
        .map(|bit| SeccompRule::new(vec![compare(argument, SeccompCmpOp::MaskedEq(*bit), *bit)?]))
        .collect()
}

/// Matches when a file is created with a set-id bit; without creating, the mode argument is not read.
fn creating(flags: u8, mode: u8) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let create = u64::from(libc::O_CREAT.unsigned_abs());
    // The bit of O_TMPFILE that is not O_DIRECTORY.
    let temporary = u64::from((libc::O_TMPFILE & !libc::O_DIRECTORY).unsigned_abs());
    let mut rules = Vec::new();
    for way in [create, temporary] {
        for bit in SET_ID_BITS {
            rules.push(SeccompRule::new(vec![
                compare(flags, SeccompCmpOp::MaskedEq(way), way)?,
                compare(mode, SeccompCmpOp::MaskedEq(bit), bit)?,
            ])?);
        }
    }
    Ok(rules)
}

/// Installs the filters on this thread. Needs `no_new_privs`.
///
/// # Errors
/// When the kernel has no seccomp filters.
pub(super) fn install(programs: &[BpfProgram]) -> Result<(), seccompiler::Error> {
    programs.iter().try_for_each(|program| seccompiler::apply_filter(program))
}
