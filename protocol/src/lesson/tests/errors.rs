//! A fixture for every class of the taxonomy.

use std::collections::BTreeSet;

use Option::None as Unknown;

use crate::lesson::ErrorClass::{self, *};

#[test]
fn every_class_has_a_fixture_that_it_alone_recognises() {
    let fixtures: &[(ErrorClass, Option<i32>, &str)] = &[
        (CommandNotFound, Some(127), "sh: 1: fetchh: not found"),
        (MissingModule, Some(1), "ModuleNotFoundError: No module named 'yaml'"),
        (MissingLibrary, Some(127), "x: error while loading shared libraries: libz.so.1"),
        (MissingHeader, Some(22), "HTTP 400 Bad Request\nmissing required header: X-Depot"),
        (MissingField, Some(22), "HTTP 422\n{\"error\": \"field required: colour\"}"),
        (MissingArgument, Some(2), "usage: x\nerror: the following arguments are required: --mode"),
        (UnknownOption, Some(2), "tar: unrecognized option '--colour'"),
        (BadArgument, Some(2), "date: invalid argument 'x' for '--iso-8601'"),
        (
            ConnectionRefused,
            Some(7),
            "curl: (7) Failed to connect to localhost port 80: Connection refused",
        ),
        (ConnectionReset, Some(56), "recv failure: Connection reset by peer"),
        (NameResolution, Some(6), "curl: (6) Could not resolve host: depot"),
        (NetworkUnreachable, Some(1), "connect: Network is unreachable"),
        (Tls, Some(60), "SSL certificate problem: certificate has expired"),
        (TooManyRequests, Unknown, "HTTP/1.1 429 Too Many Requests"),
        (Timeout, Some(28), "Operation timed out after 3000 milliseconds"),
        (Unauthorized, Some(22), "HTTP 401"),
        (Forbidden, Some(22), "status: 403"),
        (PermissionDenied, Some(1), "cat: /etc/shadow: Permission denied"),
        (Locked, Some(1), "depot: store is locked (pid 77)"),
        (OrderViolated, Some(1), "seal: `weigh` must be run first"),
        (AlreadyExists, Some(1), "mkdir: cannot create directory 'x': File exists"),
        (AddressInUse, Some(1), "bind: Address already in use"),
        (IsDirectory, Some(1), "cat: x: Is a directory"),
        (NotDirectory, Some(1), "cd: x: Not a directory"),
        (
            FileNotFound,
            Some(2),
            "tail: cannot open '/var/log/x' for reading: No such file or directory",
        ),
        (MethodNotAllowed, Some(22), "HTTP/1.1 405 Method Not Allowed"),
        (NotAcceptable, Some(22), "HTTP 415"),
        (NotFound, Some(22), "HTTP/1.1 404 Not Found"),
        (Gone, Some(22), "HTTP 410"),
        (Conflict, Some(22), "HTTP/1.1 409 Conflict"),
        (Encoding, Some(1), "'utf-8' codec can't decode byte 0xff"),
        (ParseError, Some(1), "json.decoder.JSONDecodeError: Expecting value"),
        (TypeError, Some(1), "TypeError: unsupported operand"),
        (ChecksumMismatch, Some(1), "x.tar: checksum mismatch"),
        (ValidationFailed, Some(1), "line 3: wrong format"),
        (VersionMismatch, Some(1), "requires version 3 or later"),
        (DependencyConflict, Some(1), "npm ERR! code ERESOLVE"),
        (AssertionFailed, Some(101), "thread 'main' panicked at src/x.rs"),
        (OutOfMemory, Some(137), ""),
        (DiskFull, Some(1), "write error: No space left on device"),
        (Crashed, Some(139), ""),
        (BadRequest, Some(22), "HTTP 418"),
        (ServerError, Some(22), "HTTP/1.1 503 Service Unavailable"),
        (Interrupted, Some(130), ""),
        (ExitStatus, Some(3), "it did not go well"),
        (Other, Unknown, "it did not go well"),
    ];
    for (class, exit, output) in fixtures {
        assert_eq!(ErrorClass::recognise(output, *exit), *class, "{output}");
    }
    let covered: BTreeSet<ErrorClass> = fixtures.iter().map(|(class, ..)| *class).collect();
    // Classes that only a recogniser of a program gives have no phrases here, and stand together.
    let place = |class: ErrorClass| ErrorClass::ALL.iter().position(|one| *one == class).unwrap();
    let by_program = place(UnknownSubcommand)..place(ExitStatus);
    let all: BTreeSet<ErrorClass> = ErrorClass::ALL
        .iter()
        .copied()
        .filter(|class| *class != ErrorClass::None && !by_program.contains(&place(*class)))
        .collect();
    assert_eq!(covered, all);
    assert_eq!(UnknownSubcommand.name(), "unknown_subcommand");
}

#[test]
fn only_the_end_of_a_long_output_is_read() {
    let output = format!("permission denied\n{}\ncommand not found", "é".repeat(20_000));
    assert_eq!(ErrorClass::recognise(&output, Some(127)), CommandNotFound);
}
