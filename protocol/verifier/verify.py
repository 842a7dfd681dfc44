#!/usr/bin/env python3
"""Verify the log of a Commonlore federation, independently of the program that wrote it.

Reads a directory that `lore federation export-log --dir DIR` wrote: `charter.bin` and one `<id>.delta` for each delta.
Computes, by docs/protocol.md alone, which deltas are valid, which checkpoints are sealed, who the members are, and what
they spent, and prints it as one JSON object. The fold of the library (lessons, votes, the state root) is not checked.

Exit status: 0 when no delta was refused, 1 when some were, 2 when the directory cannot be read.
"""

import argparse
import json
import math
import sys
import tomllib
from collections import defaultdict, namedtuple
from pathlib import Path

try:
    from blake3 import blake3
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError as error:
    sys.exit(f"{error}; run: python3 -m pip install -r {Path(__file__).with_name('requirements.txt')}")

MAX_CHARTER, MAX_PAYLOAD = 32 << 10, 64 << 10
MAX_DELTA = MAX_PAYLOAD + 2048
MAX_MEMBERS_EVER, MAX_VOUCHES, MAX_ROTATIONS, CHECKPOINTS_ABOVE, WEIGHT = 400, 16, 4, 4, 10_000
ZERO = bytes(32)


class BadInput(Exception):
    """The directory cannot be verified at all."""


class Malformed(Exception):
    """A fault that the bytes alone show."""


class Fault(Exception):
    """A fault of a delta against its ancestors: a class (`forged`, `charter`, ...) and a sentence."""

    def __init__(self, kind, what):
        super().__init__(f"{kind}: {what}")


class Waits(Exception):
    """An ancestor is not here."""


# ---- Hashes and signatures


def h(tag, *parts):
    """H(tag, parts...) of the document."""
    hasher = blake3()
    for part in (tag.encode(), *parts):
        hasher.update(len(part).to_bytes(8, "little"))
        hasher.update(part)
    return hasher.digest()


P = 2**255 - 19
# The y of every point of small order; a point and its negative share one.
Y8 = int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little")
SMALL_ORDER = {0, 1, P - 1, Y8, P - Y8}


def is_strict_point(data):
    """True for the canonical encoding of a y that no point of small order has."""
    y = int.from_bytes(data, "little") & (2**255 - 1)
    return y < P and y not in SMALL_ORDER


def verifies(key, message, signature):
    """Strict ed25519."""
    if not (is_strict_point(key) and is_strict_point(signature[:32])):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


# ---- Structures, as the tables of the document have them

STRUCTS = {
    "Header": "version u8, federation id, author id, seq u64, prev option of id, anchor id, deps list of id, depth u32, "
    "epoch u32, spend Spend, payload_kind Kind, payload_len u32, payload_hash id",
    "Spend": "period u32, rho_nano u64, delta_e18 u64",
    "Delta": "header Header, signature signature, payload option of bytes",
    "Join": "key id, recovery id, invitation option of id, name string",
    "Vouch": "join id, key id, invitation id, uses u16, expires_epoch u32",
    "Leave": "reason string",
    "Revoke": "target RevokeTarget, reason string",
    "RotateKey": "member id, new_key id, last_good Place, keeps list of id, recovery_key id, recovery_signature signature",
    "Place": "seq u64, id id",
    "Signers": "members list of id",
    "Checkpoint": "round u32, phase Phase, body Body",
    "Body": "epoch u32, parent id, frontier list of FrontierEntry, roster list of RosterEntry, signers list of id, "
    "removed list of Removal, excluded list of Removal, healed list of id, state_root id",
    "FrontierEntry": "author id, seq u64, id id",
    "RosterEntry": "member id, key id, sponsor id",
    "Removal": "member id, key id, from_seq u64",
    "Void": "release id",
    "Mechanism": "unit Unit, noise Noise, scale_micros u64, l0 u16, linf u16, l2_square u64, threshold u32, rho_nano u64, "
    "delta_e18 u64",
    "Window": "start_seconds u64, end_seconds u64",
    "Outcomes": "mechanism Mechanism, window Window, items_root id, cells list of Cell",
    "Cell": "item ItemId, context u16, successes count, failures count",
    "Votes": "mechanism Mechanism, window Window, items_root id, votes list of VoteEntry",
    "VoteEntry": "item ItemId, votes count",
    "Costs": "mechanism Mechanism, window Window, items_root id, cells list of CostCell",
    "CostCell": "item ItemId, context u16, sums list of count",
    "Codebook": "lessons list of Lesson",
    "Lessons": "origin Origin, window option of Window, entries list of LessonEntry, padding bytes",
    "LessonEntry": "key LessonKey, support i64",
    "Topic": "lesson id, word word",
    "Lesson": "skill option of id, op Op, trigger Trigger, action Action",
    "Trigger": "tool token, error ErrorClass, subject option of token",
    "TwoTokens": "first token, second token",
    "Revision": "skill option of id, name string, description string, parents list of id, files list of FileEntry",
    "FileEntry": "path string, executable bool, len u64, blob id",
    "SignedCharter": "text string, signatures list of signature",
}
KINDS = "Join Vouch Leave Revoke RotateKey Checkpoint Void Outcomes Votes Lessons Revision Costs Codebook Signers".split()
# Each variant is what it holds; `-` for nothing.
ENUMS = {
    "Kind": ["-"] * len(KINDS),
    "Payload": KINDS,
    "RevokeTarget": ["id"] * 3,  # revision, lesson, member
    "Phase": ["-"] * 2,  # prepare, commit
    "Unit": ["-"] * 3,  # user, session, personal
    "Noise": ["-"] * 2,  # gaussian, laplace
    "ItemId": ["id"] * 3,  # revision, lesson, given
    "Origin": ["Mechanism", "-"],  # mechanism, authored
    "LessonKey": ["Lesson", "Topic"],
    "Op": ["-"] * 5,
    "ErrorClass": ["-"] * 71,
    # example, use_argument, add_flag, drop_flag, run_first, use_tool, set_env, install, use_endpoint, check_that, order,
    # in_directory, with_option, retry
    "Action": ["token", "TwoTokens"] + ["token"] * 8 + ["TwoTokens"] + ["token"] * 3,
}
FIELDS = {name: [field.split(" ", 1) for field in fields.split(", ")] for name, fields in STRUCTS.items()}
TYPES = {name: namedtuple(name, [field for field, _ in fields]) for name, fields in FIELDS.items()}
WIDTHS = {"u16": 16, "u32": 32, "u64": 64}
FIXED = {"id": 32, "signature": 64}
(JOIN, VOUCH, LEAVE, REVOKE, ROTATE, CHECKPOINT, VOID, OUTCOMES, VOTES, LESSONS, REVISION, COSTS, CODEBOOK,
 SIGNERS) = range(len(KINDS))
TARGET_MEMBER, COMMIT, PERSONAL, LAPLACE, MECHANISM, TOPIC, EXAMPLE = 2, 1, 2, 1, 0, 1, 0


class Reader:
    """Decodes values off a buffer. Strings stay bytes, an option is a tuple of none or one, a variant is (place, value):
    so every value compares as the document sorts it."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Malformed("the bytes end early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, bits):
        first = self.take(1)[0]
        if first <= 250:
            return first
        if first > 0xFD:
            raise Malformed("no number begins so")
        value = int.from_bytes(self.take(2 << (first - 0xFB)), "little")
        if value >> bits:
            raise Malformed("a number is too large for its field")
        return value

    def length(self):
        length = self.number(64)
        if length > len(self.data) - self.at:
            raise Malformed("a length is larger than what follows")
        return length

    def read(self, kind):
        if kind in WIDTHS:
            return self.number(WIDTHS[kind])
        if kind in FIXED:
            return self.take(FIXED[kind])
        if kind in FIELDS:
            value = TYPES[kind](*[self.read(field) for _, field in FIELDS[kind]])
            return checked_lesson(value) if kind == "Lesson" else value
        if kind in ENUMS:
            place = self.number(32)
            if place >= len(ENUMS[kind]):
                raise Malformed(f"{kind} has no variant {place}")
            held = ENUMS[kind][place]
            return (place, None if held == "-" else self.read(held))
        if kind.startswith("list of "):
            return tuple([self.read(kind[8:]) for _ in range(self.length())])
        if kind.startswith("option of "):
            return (self.read(kind[10:]),) if self.read("bool") else ()
        if kind == "u8":
            return self.take(1)[0]
        if kind == "bool":
            value = self.take(1)[0]
            if value > 1:
                raise Malformed("a bool is 0 or 1")
            return value
        if kind == "i64":
            value = self.number(64)
            return value >> 1 ^ -(value & 1)
        if kind == "count":
            return int.from_bytes(self.take(8), "little", signed=True)
        value = self.take(self.length())
        return value if kind == "bytes" else checked_text(kind, value)


def write_number(value):
    if value <= 250:
        return bytes([value])
    width = 2 if value < 1 << 16 else 4 if value < 1 << 32 else 8
    return bytes([{2: 0xFB, 4: 0xFC, 8: 0xFD}[width]]) + value.to_bytes(width, "little")


def write(kind, value):
    """The one encoding of a value that `Reader.read` gave."""
    if kind in WIDTHS:
        return write_number(value)
    if kind in FIXED:
        return value
    if kind in FIELDS:
        return b"".join(write(field, held) for (_, field), held in zip(FIELDS[kind], value))
    if kind in ENUMS:
        held = ENUMS[kind][value[0]]
        return write_number(value[0]) + (b"" if held == "-" else write(held, value[1]))
    if kind.startswith("list of "):
        return write_number(len(value)) + b"".join(write(kind[8:], item) for item in value)
    if kind.startswith("option of "):
        return b"\1" + write(kind[10:], value[0]) if value else b"\0"
    if kind in ("u8", "bool"):
        return bytes([value])
    if kind == "i64":
        return write_number((value << 1 ^ value >> 63) & 2**64 - 1)
    if kind == "count":
        return value.to_bytes(8, "little", signed=True)
    return write_number(len(value)) + value


def decode(kind, data):
    reader = Reader(data)
    value = reader.read(kind)
    if reader.at != len(data):
        raise Malformed("bytes follow the value")
    if write(kind, value) != data:
        raise Malformed("the bytes are not the canonical encoding of their value")
    return value


# ---- Texts

WHITE = {0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
HIDDEN_RANGES = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F),
    (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB), (0xE000, 0xF8FF), (0xE0000, 0x10FFFF),
]  # fmt: skip


def is_control(code):
    return code < 0x20 or 0x7F <= code < 0xA0


def is_plain_text(text):
    """What a charter may call itself and its contexts."""
    codes = [ord(c) for c in text]
    hidden = any(
        is_control(c) or (c in WHITE and c != 0x20) or any(low <= c <= high for low, high in HIDDEN_RANGES) for c in codes
    )
    return 1 <= len(text.encode()) <= 64 and text.strip(" ") == text and not hidden


def vocabulary():
    path = Path(__file__).resolve().parent.parent / "src/lesson/vocabulary.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"{path}: {error}; run the verifier from a copy of the repository") from error
    return {line for line in lines if line and not line.startswith("#")}


WORDS = None


def checked_text(kind, data):
    global WORDS
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("a text is not UTF-8") from error
    if kind == "token":
        codes = [ord(c) for c in text]
        bad = any(is_control(c) or (c in WHITE and c != 0x20) for c in codes)
        if bad or not 1 <= len(data) <= 240 or text.strip(" ") != text or "  " in text:
            raise Malformed("a token is not normalised text")
    if kind == "word":
        WORDS = WORDS or vocabulary()
        if text not in WORDS:
            raise Malformed("a topic is no word of the vocabulary")
    return data


def checked_lesson(lesson):
    place, held = lesson.action
    action = held if ENUMS["Action"][place] == "TwoTokens" else (held,)
    size = sum(len(token) for token in (lesson.trigger.tool, *lesson.trigger.subject, *action))
    if size > (240 if place == EXAMPLE else 160):
        raise Malformed("a lesson is too long")
    return lesson


# ---- Rules for a payload's own bytes


def ensure(holds, otherwise):
    if not holds:
        raise Malformed(otherwise)


def ascends(items):
    return all(a < b for a, b in zip(items, items[1:]))


def check_text(data, most):
    ensure(len(data) <= most, "a text is too long")
    ensure(not any(is_control(ord(c)) for c in data.decode()), "a text holds control characters")


def check_name(part):
    ensure(part not in (b"", b".", b".."), "a name is empty, `.` or `..`")
    ensure(not any(c in part for c in b"/\\:"), "a name holds `/`, `\\` or `:`")


def check_mechanism_shape(m):
    ensure(m.scale_micros and m.l0 and m.linf and m.rho_nano, "a mechanism's numbers are positive")
    each = m.l0 * m.linf**2
    ensure(m.linf**2 <= m.l2_square <= each, "l2_square is linf^2 to l0 * linf^2")
    ensure(m.noise[0] != LAPLACE or m.l2_square == each, "with Laplace noise each cell has its own bound")


def check_window_shape(window):
    ensure(window.start_seconds <= window.end_seconds, "a window ends before it starts")


def check_signers(members):
    ensure(ascends(members) and 1 <= len(members) <= 16, "signers are sorted, and 1 to 16")


def check_payload_shape(kind, p):
    if kind == JOIN:
        check_text(p.name, 64)
    elif kind == VOUCH:
        ensure(p.uses > 0, "an invitation has at least one use")
    elif kind in (LEAVE, REVOKE):
        check_text(p.reason, 256)
    elif kind == ROTATE:
        ensure(ascends(p.keeps) and len(p.keeps) <= 64, "keeps are sorted, and at most 64")
    elif kind == CHECKPOINT:
        body = p.body
        ensure(body.epoch > 0, "genesis is not in a delta")
        ensure(ascends([point.author for point in body.frontier]), "a frontier is sorted by author")
        for listed in (body.roster, body.removed, body.excluded):
            ensure(ascends([one.member for one in listed]), "members are sorted")
        ensure(ascends(body.healed), "healed checkpoints are sorted")
        check_signers(body.signers)
    elif kind in (OUTCOMES, VOTES, COSTS):
        check_mechanism_shape(p.mechanism)
        check_window_shape(p.window)
        if kind == VOTES:
            ensure(len(p.votes) <= 256 and ascends([v.item for v in p.votes]), "votes are sorted, and at most 256")
        else:
            ensure(ascends([(cell.item, cell.context) for cell in p.cells]), "cells are sorted")
            ensure(kind == COSTS or len(p.cells) <= 1024, "an outcome release has at most 1,024 cells")
    elif kind == LESSONS:
        check_lessons_shape(p)
    elif kind == REVISION:
        check_text(p.name, 64)
        check_name(p.name)
        check_text(p.description, 1024)
        ensure(len(p.parents) <= 2 and ascends(p.parents), "a revision has at most two parents, sorted")
        ensure(ascends([file.path for file in p.files]), "files are sorted")
        for file in p.files:
            check_text(file.path, 255)
            for part in file.path.split(b"/"):
                check_name(part)
    elif kind == CODEBOOK:
        ensure(len(p.lessons) <= 1024 and ascends(p.lessons), "a codebook is sorted, and at most 1,024 lessons")
        ensure(not any(lesson.skill for lesson in p.lessons), "a lesson of a codebook names no skill")
    elif kind == SIGNERS:
        check_signers(p.members)


def check_lessons_shape(p):
    if p.origin[0] == MECHANISM:
        mechanism = p.origin[1]
        check_mechanism_shape(mechanism)
        ensure(mechanism.threshold > 0 and p.window, "a lesson release has a threshold and a window")
        ensure(all(entry.support >= mechanism.threshold for entry in p.entries), "a key did not pass its threshold")
    else:
        bare = not p.window and not p.padding and not any(entry.support for entry in p.entries)
        ensure(bare, "what a person wrote has no support, window or padding")
    for window in p.window:
        check_window_shape(window)
    ensure(not any(p.padding), "padding is zero")
    ensure(ascends([entry.key for entry in p.entries]), "keys are sorted")


class Delta:
    """A delta whose bytes are sound; its signature and ancestors are checked later."""

    def __init__(self, data):
        if len(data) > MAX_DELTA:
            raise Malformed(f"a delta has at most {MAX_DELTA} bytes")
        delta = decode("Delta", data)
        self.header = header = delta.header
        self.signature = delta.signature
        self.signed = b"commonlore/delta/v1" + write("Header", header)
        self.id = blake3(self.signed).digest()
        kind = self.kind = header.payload_kind[0]
        ensure(header.version == 1, "it speaks another version of the protocol")
        join = kind == JOIN
        ensure(join == (header.seq == 0) == (not header.prev), "a Join, and only a Join, has height 0 and no prev")
        ensure(join == (header.author == ZERO), "a Join, and only a Join, has no author")
        if join:
            first = not header.deps and header.depth == 1 and header.epoch == 1
            ensure(first and header.anchor == header.federation, "a Join stands at genesis")
        ensure(len(header.deps) <= 16 and ascends(header.deps), "deps are sorted, and at most 16")
        ensure(header.depth < 1 << 31 and header.epoch < 1 << 31, "depth or epoch is out of range")
        ensure(delta.payload, "its payload is missing")
        payload = delta.payload[0]
        ensure(len(payload) <= MAX_PAYLOAD and len(payload) == header.payload_len, "its payload has another length")
        ensure(blake3(payload).digest() == header.payload_hash, "its payload has another hash")
        place, self.payload = decode("Payload", payload)
        ensure(place == kind, "its payload is of another kind")
        check_payload_shape(kind, self.payload)
        self.chain = self.id if join else header.author
        self.prev = header.prev[0] if header.prev else None
        # Set when it is accepted: the key that signs what follows, and sums over its chain.
        self.key, self.vouches, self.written, self.rotations = None, 0, 0, 0

    def signed_by(self, key):
        return verifies(key, self.signed, self.signature)

    def mechanism(self):
        """The mechanism of a release; none for what a person wrote and for control."""
        if self.kind in (OUTCOMES, VOTES, COSTS):
            return self.payload.mechanism
        if self.kind == LESSONS and self.payload.origin[0] == MECHANISM:
            return self.payload.origin[1]
        return None


# ---- Charter

WIDTH_OF = {name: 16 for name in ("l0", "sessions_per_item", "keys_per_unit", "topic_words", "bound")}
WIDTH_OF |= {"version": 8} | {
    name: 63
    for name in (
        "rho_nano", "delta_e18", "lessons_min_sigma_micros", "outcomes_min_sigma_micros", "votes_min_deviation_micros",
        "min_sigma_micros",
    )
}  # fmt: skip
TOP = "version name nonce epoch vouchers scripts contexts codebook?".split()
PRIVACY = (
    "rho_nano delta_e18 units epochs_per_period lessons_at outcomes_at l0 sessions_per_item keys_per_unit topic_words "
    "lessons_min_sigma_micros lessons_min_threshold outcomes_min_sigma_micros lessons_payload_bytes votes_at "
    "votes_min_deviation_micros releases_per_unit?"
).split()
WINDOWS = "grid_seconds least_seconds send_after_seconds".split()
COSTS_AT = "at bound min_sigma_micros".split()
LIMITS = (
    "members members_per_voice deltas_per_epoch lessons_per_epoch evidence_cap revokers vouches? promotion_margin_micros"
).split()
TEXTS = {"name", "nonce", "vouchers", "codebook", "key", "recovery", "measure"}


def charter_value(key, value):
    """One value as the canonical text has it. A value of another kind raises BadInput."""

    def quoted(text):
        if not isinstance(text, str):
            raise BadInput(f"charter: `{key}` is not a text")
        escaped = "".join(
            f"\\{c}" if c in '"\\' else f"\\u{ord(c):04X}" if is_control(ord(c)) else c for c in text
        )
        return f'"{escaped}"'

    def number(value):
        if type(value) is not int or not 0 <= value < 1 << WIDTH_OF.get(key, 32):
            raise BadInput(f"charter: `{key}` is no number of its width")
        return str(value)

    if key == "scripts":
        if type(value) is not bool:
            raise BadInput("charter: `scripts` is true or false")
        return "true" if value else "false"
    if key == "epoch":
        return f"{{ hours = {number(value.get('hours'))} }}" if isinstance(value, dict) else quoted(value)
    if key in TEXTS:
        return quoted(value)
    if key in ("contexts", "units", "lessons_at", "outcomes_at", "votes_at", "at"):
        if not isinstance(value, list):
            raise BadInput(f"charter: `{key}` is not a list")
        return "[" + ", ".join((quoted if key in ("contexts", "units") else number)(one) for one in value) + "]"
    return number(value)


def charter_text(charter):
    """The one way to write a charter."""
    lines = []

    def table(heading, held, keys):
        if not isinstance(held, dict):
            raise BadInput(f"charter: there is no `{heading}`")
        lines.extend(["", heading] if heading else [])
        for key in keys:
            name = key.rstrip("?")
            if key == name or name in held:
                lines.append(f"{name} = {charter_value(name, held.get(name))}")

    def many(heading, held, keys):
        for one in held if isinstance(held, list) else []:
            table(heading, one, keys)

    table("", charter, TOP)
    privacy = charter.get("privacy")
    table("[privacy]", privacy, PRIVACY)
    table("[privacy.windows]", privacy.get("windows"), WINDOWS)
    if "costs" in privacy:
        table("[privacy.costs]", privacy["costs"], COSTS_AT)
        many("[[privacy.costs.kinds]]", privacy["costs"].get("kinds"), ["measure", "per"])
    table("[limits]", charter.get("limits"), LIMITS)
    many("[[founders]]", charter.get("founders"), ["key", "recovery"])
    return "\n".join(lines) + "\n"


def read_charter(data):
    """The charter and its federation, from the bytes of charter.bin."""
    if len(data) > MAX_CHARTER + 4096:
        raise BadInput("it is longer than a charter can be")
    try:
        signed = decode("SignedCharter", data)
    except Malformed as error:
        raise BadInput(str(error)) from error
    if len(signed.text) > MAX_CHARTER:
        raise BadInput("its text is longer than 32 KiB")
    text = signed.text.decode()
    try:
        charter = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(f"its text is no TOML: {error}") from error
    if charter_text(charter) != text:
        raise BadInput("its text is not in the canonical form")
    check_charter(charter)
    for place, founder in enumerate(charter["founders"]):
        message = b"commonlore/charter-signature/v1" + signed.text
        key = bytes.fromhex(founder["key"])
        if place >= len(signed.signatures) or not verifies(key, message, signed.signatures[place]):
            raise BadInput("a founder has not signed it")
    return charter, h("commonlore/charter/v1", signed.text)


def check_charter(charter):
    privacy, limits, windows = charter["privacy"], charter["limits"], charter["privacy"]["windows"]
    costs, epoch = privacy.get("costs"), charter["epoch"]
    at = [privacy["lessons_at"], privacy["outcomes_at"], privacy["votes_at"], costs["at"] if costs else []]
    hours = epoch["hours"] if isinstance(epoch, dict) else None
    ids = [charter["nonce"], *([charter["codebook"]] if "codebook" in charter else [])]
    ids += [founder[key] for founder in charter.get("founders", []) for key in ("key", "recovery")]
    kinds = costs.get("kinds", []) if costs else []
    rules = {
        "it speaks version 1": charter["version"] == 1,
        "ids have 64 lower-case hexadecimal digits": all(len(i) == 64 and set(i) <= set("0123456789abcdef") for i in ids),
        "`epoch` is rounds, or hours of at least one": epoch == "rounds" if hours is None else hours > 0,
        "`vouchers` is founders or members": charter["vouchers"] in ("founders", "members"),
        "`units` are user, session or personal": privacy["units"]
        and set(privacy["units"]) <= {"user", "session", "personal"},
        "it has a name and 1 to 64 contexts of 1 to 64 plain bytes": 1 <= len(charter["contexts"]) <= 64
        and all(is_plain_text(text) for text in [charter["name"], *charter["contexts"]]),
        "it has one founder": len(charter.get("founders", [])) == 1,
        "a period has an epoch": privacy["epochs_per_period"] > 0,
        "releases are sorted and within the period": all(
            ascends(list_) and all(one < privacy["epochs_per_period"] for one in list_) for list_ in at
        ),
        "a unit feeds at least one release": privacy.get("releases_per_unit") != 0,
        "`grid_seconds` is 1 to 86400": 1 <= windows["grid_seconds"] <= 86_400,
        "`least_seconds` is 1 to 2592000": 1 <= windows["least_seconds"] <= 2_592_000,
        "`send_after_seconds` is at most 86400": windows["send_after_seconds"] <= 86_400,
        "a release is sent in the first half of its epoch": hours is None
        or windows["grid_seconds"] + windows["send_after_seconds"] <= hours * 1800,
        "costs have a bound and 1 to 8 kinds": not costs
        or (
            1 <= len(kinds) <= 8
            and costs["bound"] > 0
            and all(kind["per"] > 0 and kind["measure"] in ("tokens", "seconds", "calls") for kind in kinds)
        ),
        "contribution bounds are positive": privacy["l0"] > 0 and privacy["sessions_per_item"] > 0,
        "`keys_per_unit` is 1 to 256": 1 <= privacy["keys_per_unit"] <= 256,
        "`topic_words` is 0 to 2": privacy["topic_words"] <= 2,
        "a lesson payload has 1 to 60 KiB": 1024 <= privacy["lessons_payload_bytes"] <= 60 << 10,
        "it has 1 to 400 members": 1 <= limits["members"] <= MAX_MEMBERS_EVER,
        "a member writes at least 4 deltas in an epoch": limits["deltas_per_epoch"] >= 4,
        "`vouches` is 2 to 8, or left out": 2 <= limits.get("vouches", 2) <= 8,
        "where only founders vouch, one Vouch is enough": "vouches" not in limits or charter["vouchers"] == "members",
        "limits are positive": all(
            limits[key] > 0 for key in ("revokers", "lessons_per_epoch", "members_per_voice", "evidence_cap")
        ),
    }
    for rule, holds in rules.items():
        if not holds:
            raise BadInput(f"it breaks a rule: {rule}")


# ---- The log

Sealed = namedtuple("Sealed", "id body frontier roster signers voices keys founders")


def quorum(sealed):
    return len(sealed.signers) * 2 // 3 + 1


def gone_from(sealed, member):
    """First height of a former member's chain that does not count; none for others."""
    return min((r.from_seq for r in (*sealed.body.removed, *sealed.body.excluded) if r.member == member), default=None)


def voice_of(voices, member):
    return voices.get(member, member)


def body_id(body):
    return h("commonlore/checkpoint/v1", write("Body", body))


class Log:
    """Everything valid of one set of deltas, in no order: what it holds is a function of the set."""

    def __init__(self, charter, federation, deltas):
        self.charter, self.federation, self.by_id = charter, federation, deltas
        self.privacy, self.limits = charter["privacy"], charter["limits"]
        self.founder = self.founder_id()
        # What RotateKeys say of checkpoints, by member and RotateKey: the checkpoints that may be sealed whoever signs them,
        # the line up to its anchor among them, and the deltas before it.
        self.settled = defaultdict(dict)
        while not self.settle():
            pass
        self.line = self.chosen_line()
        self.tip = self.line[-1]

    def founder_id(self):
        """The id of the Join that the charter determines."""
        founder = self.charter["founders"][0]
        self.founder_key = bytes.fromhex(founder["key"])
        join = TYPES["Join"](self.founder_key, bytes.fromhex(founder["recovery"]), (), b"founder")
        payload = write("Payload", (JOIN, join))
        none = TYPES["Spend"](0, 0, 0)
        header = TYPES["Header"](
            1, self.federation, ZERO, 0, (), self.federation, (), 1, 1, none, (JOIN, None), len(payload),
            blake3(payload).digest(),
        )  # fmt: skip
        return blake3(b"commonlore/delta/v1" + write("Header", header)).digest()

    def genesis(self):
        entry = TYPES["RosterEntry"](self.founder, self.founder_key, self.founder)
        body = TYPES["Body"](0, self.federation, (), (entry,), (self.founder,), (), (), (), ZERO)
        voices, keys = {self.founder: self.founder}, {self.founder_key}
        return Sealed(self.federation, body, {}, {self.founder: entry}, (self.founder,), voices, keys, {self.founder})

    def settle(self):
        """Takes in everything that can be. False when a new key says more of checkpoints than was known before: then all
        of it begins again."""
        self.entries, self.chains, self.refused = {}, defaultdict(dict), {}
        self.tree, self.wrong = {self.federation: self.genesis()}, set()
        self.rivals = defaultdict(dict)  # by parent and body id: the body, and its Commits by round
        self.undecided = set()  # parents of rivals that are not in the tree
        self.vouched = defaultdict(set)
        by_epoch = defaultdict(list)
        for delta in sorted(self.by_id.values(), key=lambda one: (one.header.epoch, one.header.depth, one.id)):
            by_epoch[delta.header.epoch].append(delta)
        progress = True
        while progress:
            progress = False
            for epoch in sorted(by_epoch):
                while self.take_in(by_epoch[epoch]):
                    progress = True
                progress |= self.seal()
        for delta in [one for left in by_epoch.values() for one in left]:
            try:
                self.check_waiting(delta)
            except Fault as fault:
                self.refused[delta.id] = str(fault)
        rotations = [one for one in self.entries.values() if one.kind == ROTATE]
        new = [one for one in rotations if one.id not in self.settled[one.chain]]
        for one in new:
            line, before = self.line_to(one.header.anchor), {step.id for step in self.branch(one.prev)}
            self.settled[one.chain][one.id] = (line, line | set(one.payload.keeps), before)
        return not new

    def line_to(self, checkpoint):
        line = {checkpoint}
        while checkpoint != self.federation:
            checkpoint = self.tree[checkpoint].body.parent
            line.add(checkpoint)
        return line

    def take_in(self, waiting):
        """Accepts or refuses what it can; the rest stays in `waiting`. True when something was accepted."""
        left, accepted = [], False
        for delta in waiting:
            try:
                delta.key = self.check(delta)
            except Waits:
                left.append(delta)
                continue
            except Fault as fault:
                self.refused[delta.id] = str(fault)
                continue
            accepted = True
            self.entries[delta.id] = delta
            self.chains[delta.chain][delta.id] = delta
            if delta.kind == VOUCH:
                self.vouched[delta.payload.join].add(delta.payload.key)
            elif delta.kind == CHECKPOINT:
                body = delta.payload.body
                _, commits = self.rivals[body.parent].setdefault(body_id(body), (body, defaultdict(set)))
                self.undecided.add(body.parent)
                if delta.payload.phase[0] == COMMIT:
                    commits[delta.payload.round].add((delta.chain, delta.id))
        waiting[:] = left
        return accepted

    def branch(self, tip):
        """The deltas of a chain from `tip` down."""
        while tip is not None and tip in self.entries:
            yield self.entries[tip]
            tip = self.entries[tip].prev

    # -- Validity

    def check(self, delta):
        """The key that signs what follows a valid delta. Raises Waits or Fault."""
        header = delta.header
        if header.federation != self.federation:
            raise Fault("foreign", "it belongs to another federation")
        if delta.kind == JOIN:
            return self.check_join(delta)
        anchor, prev = self.tree.get(header.anchor), self.entries.get(delta.prev)
        if anchor and header.author not in anchor.roster:
            raise Fault("not-member", "its author is not on the roster of its anchor")
        if prev and prev.chain != header.author:
            raise Fault("header", "prev is on another chain")
        if prev is None or anchor is None:
            raise Waits
        key = self.recovered_key(delta) if delta.kind == ROTATE else prev.key
        before = prev.header
        if before.seq + 1 != header.seq:
            raise Fault("header", "prev is not one height below")
        if header.epoch != anchor.body.epoch + 1 or header.epoch < before.epoch:
            raise Fault("header", "its epoch does not follow its anchor")
        self.check_spend(delta, before)
        self.check_quota(delta, prev, anchor)
        self.check_payload(delta, prev, anchor)
        if not delta.signed_by(key):
            raise Fault("forged", "its signature is not the author's")
        self.check_deps(header, before)
        return delta.payload.new_key if delta.kind == ROTATE else key

    def check_join(self, delta):
        if not delta.signed_by(delta.payload.key):
            raise Fault("forged", "a Join is signed by the key in it")
        if tuple(delta.header.spend) != (0, 0, 0):
            raise Fault("spend", "a Join spends nothing")
        if delta.id != self.founder and delta.payload.key not in self.vouched[delta.id]:
            raise Waits
        return delta.payload.key

    def check_waiting(self, delta):
        """What can be said of a delta whose ancestors are not all here."""
        prev = self.entries.get(delta.prev)
        if delta.kind == ROTATE:
            key = self.recovered_key(delta)
        else:
            key = prev.key if prev and delta.kind != JOIN else None
        if key and not delta.signed_by(key):
            raise Fault("forged", "its signature is not the author's")

    def recovered_key(self, delta):
        """The new key, when the recovery key has signed for it; none while the Join is not here."""
        rotate, header = delta.payload, delta.header
        if rotate.member != header.author or tuple(rotate.last_good) != (header.seq - 1, delta.prev):
            raise Fault("header", "a new key follows the last good delta of its member")
        join = self.entries.get(header.author)
        if join is None:
            return None
        if join.kind != JOIN:
            raise Fault("not-member", "its author is no Join")
        message = b"".join(
            [b"commonlore/rotate-key/v1", self.federation, rotate.member, rotate.new_key]
            + [rotate.last_good.seq.to_bytes(8, "big"), rotate.last_good.id, *rotate.keeps]
        )
        named = h("commonlore/recovery/v1", rotate.recovery_key) == join.payload.recovery
        if not named or not verifies(rotate.recovery_key, message, rotate.recovery_signature):
            raise Fault("forged", "the recovery key of the Join has not signed for it")
        return rotate.new_key

    def check_deps(self, header, before):
        deepest, latest, missing = before.depth, before.epoch, False
        for dep in header.deps:
            known = self.entries.get(dep)
            if (known or self.by_id.get(dep)) and (known or self.by_id[dep]).kind == JOIN:
                raise Fault("header", "a Join cannot be a dep")
            missing |= known is None
            if known:
                deepest, latest = max(deepest, known.header.depth), max(latest, known.header.epoch)
        if header.epoch < latest:
            raise Fault("header", "it rests on a delta of a later epoch")
        if missing:
            raise Waits
        if header.depth != deepest + 1:
            raise Fault("header", "its depth does not follow its ancestors")

    def period(self, epoch):
        return epoch // self.privacy["epochs_per_period"]

    def check_spend(self, delta, before):
        spend, period = delta.header.spend, self.period(delta.header.epoch)
        if spend.period != period:
            raise Fault("spend", "it names another period")
        rho, more = (before.spend.rho_nano, before.spend.delta_e18) if before.spend.period == period else (0, 0)
        mechanism = delta.mechanism()
        if mechanism:
            rho, more = rho + mechanism.rho_nano, more + mechanism.delta_e18
        if spend.rho_nano < rho or spend.delta_e18 < more:
            raise Fault("spend", "it does not add this release to what was spent before")
        if spend.rho_nano > self.privacy["rho_nano"] or spend.delta_e18 > self.privacy["delta_e18"]:
            raise Fault("spend", "it is over the charter's ceiling")

    def check_quota(self, delta, prev, anchor):
        """Also sets what the chain holds with this delta."""
        author, limits = delta.header.author, self.limits
        authored = delta.kind == LESSONS and delta.mechanism() is None
        delta.vouches = prev.vouches + (delta.kind == VOUCH)
        delta.rotations = prev.rotations + (delta.kind == ROTATE)
        delta.written = prev.written + (len(delta.payload.entries) if authored else 0)
        height, covered = anchor.frontier.get(author, (0, None))
        above = CHECKPOINTS_ABOVE if delta.kind == CHECKPOINT else 0
        if delta.header.seq - height > limits["deltas_per_epoch"] + above:
            raise Fault("charter", "too many deltas of one author between two checkpoints")
        vouches, written = (self.entries[covered].vouches, self.entries[covered].written) if covered else (0, 0)
        if author != self.founder and delta.vouches - vouches > MAX_VOUCHES:
            raise Fault("charter", "too many Vouches of one author between two checkpoints")
        rotations = self.entries[covered].rotations if covered else 0
        if delta.rotations - rotations > MAX_ROTATIONS:
            raise Fault("charter", "too many RotateKeys of one author between two checkpoints")
        if delta.written - written > limits["lessons_per_epoch"]:
            raise Fault("charter", "too many lessons of one author between two checkpoints")

    def check_payload(self, delta, prev, anchor):
        header, p, privacy = delta.header, delta.payload, self.privacy
        if delta.kind == VOUCH and self.charter["vouchers"] == "founders" and header.author != self.founder:
            raise Fault("charter", "only founders admit members")
        if delta.kind == CHECKPOINT and (p.body.parent, p.body.epoch) != (header.anchor, header.epoch):
            raise Fault("header", "a checkpoint is anchored at its parent")
        if delta.kind in (CHECKPOINT, SIGNERS) and header.author not in anchor.signers:
            raise Fault("charter", "its author does not sign checkpoints")
        if delta.kind == CODEBOOK:
            if self.charter.get("codebook") != h("commonlore/codebook/v1", write("Codebook", p)).hex():
                raise Fault("charter", "it is not the codebook that the charter names")
        if delta.kind == REVISION and not self.charter["scripts"]:
            if any(file.executable or file.path.split(b"/")[0] == b"scripts" for file in p.files):
                raise Fault("charter", "skills with scripts do not spread here")
        if delta.mechanism():
            self.check_release(delta, prev, anchor)

    def check_release(self, delta, prev, anchor):
        p, privacy, mechanism = delta.payload, self.privacy, delta.mechanism()
        shared = (privacy["keys_per_unit"], WEIGHT, WEIGHT**2)
        window = p.window
        if delta.kind == LESSONS:
            at, least, bounds, window = privacy["lessons_at"], privacy["lessons_min_sigma_micros"], shared, p.window[0]
        elif delta.kind == OUTCOMES:
            l0, linf = privacy["l0"], privacy["sessions_per_item"]
            at, least, bounds = privacy["outcomes_at"], privacy["outcomes_min_sigma_micros"], (l0, linf, l0 * linf**2)
        elif delta.kind == VOTES:
            at, least, bounds = privacy["votes_at"], privacy["votes_min_deviation_micros"], shared
        else:
            costs = privacy.get("costs")
            if not costs:
                raise Fault("charter", "this federation's schedule has no costs")
            l0 = min(privacy["l0"] * len(costs["kinds"]), 65_535)
            linf = min(privacy["sessions_per_item"] * costs["bound"], 65_535)
            at, least, bounds = costs["at"], costs["min_sigma_micros"], (l0, linf, l0 * linf**2)
        self.check_mechanism(mechanism, least, bounds, delta.kind == VOTES)
        self.check_schedule(delta, prev, at)
        windows = privacy["windows"]
        length = window.end_seconds - window.start_seconds
        if window.end_seconds % windows["grid_seconds"] or length < windows["least_seconds"]:
            raise Fault("charter", "its window does not fit the charter's")
        if delta.kind == LESSONS:
            if mechanism.unit[0] == PERSONAL:
                raise Fault("charter", "a personal node releases no lessons")
            if mechanism.threshold < privacy["lessons_min_threshold"]:
                raise Fault("charter", "the threshold is below the charter's")
            if privacy["topic_words"] == 0 and any(entry.key[0] == TOPIC for entry in p.entries):
                raise Fault("charter", "releases have no topic words here")
            if mechanism.delta_e18 == 0:
                raise Fault("spend", "a threshold costs delta")
            if delta.header.payload_len != privacy["lessons_payload_bytes"]:
                raise Fault("charter", "a lesson release has the charter's fixed size")
            return
        if p.items_root != anchor.body.state_root:
            raise Fault("header", "it counts items of another state")
        if delta.kind != VOTES and any(cell.context >= len(self.charter["contexts"]) for cell in p.cells):
            raise Fault("charter", "it names a context that the charter does not have")
        if delta.kind == COSTS and any(len(cell.sums) != len(privacy["costs"]["kinds"]) for cell in p.cells):
            raise Fault("charter", "it sums other kinds of cost than the charter's")

    def check_mechanism(self, m, least, bounds, may_be_laplace):
        unit, laplace = ("user", "session", "personal")[m.unit[0]], m.noise[0] == LAPLACE
        if unit not in self.privacy["units"]:
            raise Fault("charter", "it protects a unit that the charter does not allow")
        doubled = min(2 * m.scale_micros**2, 2**128 - 1)
        deviation = math.isqrt(doubled) if laplace else m.scale_micros
        if (laplace and not may_be_laplace) or deviation < least:
            raise Fault("charter", "its noise is below the charter's")
        k = 2 if m.unit[0] == PERSONAL else 1
        if m.l0 % k:
            raise Fault("charter", "replacing a person changes an even number of cells")
        if m.l0 // k > bounds[0] or m.linf > bounds[1] or m.l2_square > bounds[2] * k:
            raise Fault("charter", "its contribution bounds are above the charter's")
        scaled = ((m.l0 * m.linf) ** 2 if laplace else m.l2_square) * 10**21
        if scaled >= 2**128 or m.rho_nano < -(-scaled // doubled):
            raise Fault("spend", "its cost does not fit its mechanism")

    def check_schedule(self, delta, prev, at):
        epoch = delta.header.epoch
        due = sum(one <= epoch % self.privacy["epochs_per_period"] for one in at)
        made = 0
        for earlier in self.branch(prev.id):
            if self.period(earlier.header.epoch) != self.period(epoch):
                break
            if earlier.kind == delta.kind and earlier.mechanism():
                if earlier.header.epoch == epoch:
                    raise Fault("charter", "a release of this kind was made in this epoch")
                made += 1
        if made >= due:
            raise Fault("charter", "no release of this kind is due in this epoch")

    # -- Checkpoints

    def may_seal(self, signer, vote, body):
        """True when no RotateKey of the only signer says that its Commit seals nothing."""
        return all(
            body in kept or vote in before or any(one.id == rotation for one in self.branch(vote))
            for rotation, (_, kept, before) in self.settled[signer].items()
        )

    def finals(self, parent):
        """Final bodies on a checkpoint, the one that stands first."""
        found, alone = [], len(parent.signers) == 1
        for name, (body, commits) in self.rivals[parent.id].items():
            decided = any(len({who for who, _ in votes}) >= quorum(parent) for votes in commits.values())
            every = [vote for votes in commits.values() for vote in votes]
            if decided and (not alone or any(self.may_seal(who, vote, name) for who, vote in every)):
                found.append((not self.is_settled(parent, name), name, body))
        return [(name, body) for _, name, body in sorted(found, key=lambda one: one[:2])]

    def is_settled(self, parent, checkpoint):
        only = len(parent.signers) == 1
        return only and any(checkpoint in line for line, _, _ in self.settled[parent.signers[0]].values())

    def seal(self):
        """Adds to the tree what can be sealed, on the line or beside it. True when something was."""
        grown, open_ = False, [name for name in self.undecided if name in self.tree]
        while open_:
            parent = self.tree[open_.pop()]
            for name, body in self.finals(parent):
                if name in self.tree or name in self.wrong:
                    continue
                try:
                    sealed = self.evaluate(parent, name, body)
                except Waits:
                    continue
                except Malformed:
                    self.wrong.add(name)
                    continue
                self.tree[name] = sealed
                open_.append(name)
                grown = True
            if all(name in self.tree or name in self.wrong for name in self.rivals[parent.id]):
                self.undecided.discard(parent.id)
        return grown

    def evaluate(self, parent, name, body):
        """The sealed epoch of a final body. Raises Waits, or Malformed when it breaks a rule."""
        if any(point.id not in self.entries for point in body.frontier):
            raise Waits
        for removal in body.excluded:
            known = removal in parent.body.excluded or removal.member not in parent.roster
            if not known and not self.is_forked_by(parent, removal.member, body.epoch):
                raise Waits
        if body.healed:
            above = self.line_to(parent.id)
            if any(healed not in self.tree or healed in above for healed in body.healed):
                raise Waits
        frontier, covered = self.cover(parent, body)
        roster, removed, voices, keys = self.membership(parent, covered, frontier)
        for removal in body.excluded:
            if removal in parent.body.excluded:
                continue
            member = parent.roster.get(removal.member)
            ensure(member is not None, "it excludes somebody who is no member")
            cut = frontier[removal.member][0] + 1 if removal.member in frontier else 0
            ensure((member.key, cut) == (removal.key, removal.from_seq), "it cuts an excluded chain elsewhere")
        ensure(set(parent.body.excluded) <= set(body.excluded), "it takes back an exclusion")
        for removal in body.excluded:
            roster.pop(removal.member, None)
        ensure(body.roster == tuple(roster[member] for member in sorted(roster)), "its roster does not follow")
        ensure(body.removed == tuple(removed[member] for member in sorted(removed)), "its removals do not follow")
        ensure(body.signers == self.signers_after(parent, frontier, roster), "its signers do not follow")
        return Sealed(name, body, frontier, roster, body.signers, voices, keys, parent.founders)

    def cover(self, parent, body):
        """The chains at a body's frontier, and the deltas that it covers and its parent does not."""
        frontier, covered = {}, []
        for point in body.frontier:
            tip, settled = self.entries[point.id], parent.frontier.get(point.author)
            ensure((tip.chain, tip.header.seq) == (point.author, point.seq), "its frontier misplaces a delta")
            ended = gone_from(parent, point.author) is not None
            ensure(not ended or settled == (point.seq, point.id), "it covers more of a chain that has ended")
            for delta in self.branch(point.id):
                if settled and delta.id == settled[1]:
                    break
                ensure(delta.header.epoch <= body.epoch, "it covers a delta of a later epoch")
                ensure(not settled or delta.header.seq > settled[0], "it leaves what was sealed before")
                covered.append(delta)
            frontier[point.author] = (point.seq, point.id)
        ensure(all(author in frontier for author in parent.frontier), "its frontier forgets a chain")
        return frontier, sorted(covered, key=lambda delta: (delta.chain, delta.header.seq))

    def membership(self, parent, covered, frontier):
        roster, keys, voices = dict(parent.roster), set(parent.keys), dict(parent.voices)
        removed = {removal.member: removal for removal in parent.body.removed}
        for delta in covered:
            if delta.kind == ROTATE and delta.chain in roster and delta.payload.new_key not in keys:
                keys.add(delta.payload.new_key)
                roster[delta.chain] = roster[delta.chain]._replace(key=delta.payload.new_key)
        standing = [delta for delta in covered if delta.kind == VOUCH and self.stands(parent, delta, frontier)]
        needed = self.vouches_needed(parent)
        for delta in standing:
            of_it = {voice_of(parent.voices, one.chain) for one in standing if one.payload.join == delta.payload.join}
            invited = self.entries[delta.payload.join].payload.invitation == (delta.payload.invitation,)
            agreed = needed == 1 or (invited and len(of_it) >= needed)
            if agreed and self.admits(parent, delta, roster, removed, voices, keys):
                member, sponsor = delta.payload.join, delta.chain
                keys.add(delta.payload.key)
                roster[member] = TYPES["RosterEntry"](member, delta.payload.key, sponsor)
                voices.setdefault(member, member if sponsor in parent.founders else voice_of(voices, sponsor))
        for delta in covered:
            if delta.kind == LEAVE:
                gone = delta.chain
            elif delta.kind == REVOKE and delta.payload.target[0] == TARGET_MEMBER:
                gone = delta.payload.target[1]
                if gone in parent.signers or self.revoking_voices(gone, frontier, voices) < self.limits["revokers"]:
                    continue
            else:
                continue
            if gone in roster:
                cut = frontier[gone][0] + 1 if gone in frontier else 0
                removed[gone] = TYPES["Removal"](gone, roster.pop(gone).key, cut)
        return roster, removed, voices, keys

    def vouches_needed(self, parent):
        voices = {voice_of(parent.voices, member) for member in parent.roster}
        return max(1, min(self.limits.get("vouches", 1), len(voices) - 1))

    def stands(self, parent, delta, frontier):
        vouch = delta.payload
        join = self.entries.get(vouch.join)
        if vouch.join not in frontier or join is None or join.kind != JOIN or join.payload.key != vouch.key:
            return False
        before = (one.payload for one in self.branch(delta.prev) if one.kind == VOUCH)
        others = {one.join for one in before if one.invitation == vouch.invitation and one.join != vouch.join}
        return parent.body.epoch + 1 <= vouch.expires_epoch and len(others) < vouch.uses

    def admits(self, parent, delta, roster, removed, voices, keys):
        vouch, sponsor = delta.payload, delta.chain
        if vouch.key in keys:
            return False
        ever = len(roster) + len(removed) + len(parent.body.excluded)
        if len(roster) >= self.limits["members"] or ever >= MAX_MEMBERS_EVER:
            return False
        voice = voice_of(voices, sponsor)
        of_voice = sum(one == voice for one in voices.values())
        return sponsor in parent.founders or of_voice < self.limits["members_per_voice"]

    def revoking_voices(self, member, frontier, voices):
        return len({
            voice_of(voices, author)
            for author, (_, tip) in frontier.items()
            if any(one.kind == REVOKE and one.payload.target == (TARGET_MEMBER, member) for one in self.branch(tip))
        })  # fmt: skip

    def signers_after(self, parent, frontier, roster):
        words = defaultdict(int)
        for signer in parent.signers:
            if signer in frontier:
                said = (one.payload.members for one in self.branch(frontier[signer][1]) if one.kind == SIGNERS)
                words[next(said, None)] += 1
        agreed = [word for word, count in words.items() if word is not None and count >= quorum(parent)]
        named = agreed[0] if agreed else parent.signers
        return tuple(signer for signer in named if signer in roster) or parent.signers

    # -- Forks and new keys

    def standing(self, sealed, author):
        """The deltas of a chain that no new key voids, by height, when `sealed` is the last epoch."""
        chain, heights = self.chains[author], defaultdict(list)
        covered_tip = sealed.frontier.get(author, (0, None))[1]
        covered = {one.id for one in self.branch(covered_tip)}
        below = {}  # the RotateKeys at or below each delta, newest first
        ordered = sorted(chain.values(), key=lambda one: (one.header.seq, one.id))
        for delta in ordered:
            own = (delta.id,) if delta.kind == ROTATE else ()
            below[delta.id] = own + below.get(delta.prev, ())
        stand, gone = {}, gone_from(sealed, author) is not None
        for one in ordered:
            if one.kind == ROTATE and (one.id in covered or not gone):
                branch = {step.id for step in self.branch(one.id)}
                if one.id in covered or covered_tip is None or covered_tip in branch:
                    stand[one.id] = branch
        void = set()
        for delta in ordered:
            own = below[delta.id][0] if below[delta.id] else None
            outranked = any(
                delta.id not in branch and rotation not in below[delta.id] and (own is None or own in branch)
                for rotation, branch in stand.items()
            )
            fallen = delta.kind == ROTATE and delta.id not in stand
            if delta.id not in covered and (outranked or fallen or delta.prev in void):
                void.add(delta.id)
            else:
                heights[delta.header.seq].append(delta)
        return heights

    def is_forked_by(self, sealed, author, epoch):
        heights = self.standing(sealed, author).values()
        if any(sum(one.header.epoch <= epoch for one in deltas) > 1 for deltas in heights):
            return True
        # Twins that a new key made void prove it, too: the signers had not heard of the key.
        early = [one.header.seq for one in self.chains[author].values() if one.kind != ROTATE and one.header.epoch <= epoch]
        return any(one.kind == ROTATE for one in self.chains[author].values()) and len(early) != len(set(early))

    def fork(self, author):
        heights = self.standing(self.tip, author)
        return min((seq for seq, deltas in heights.items() if len(deltas) > 1), default=None)

    def head(self, author):
        """The newest delta of a chain that counts; none when none does."""
        heights, covered = self.standing(self.tip, author), self.tip.frontier.get(author)
        above = covered[0] + 1 if covered else 0
        fork, gone = self.fork(author), gone_from(self.tip, author)
        cut = max(fork, above) if fork is not None else None
        cut = min((one for one in (cut, gone) if one is not None), default=None)
        live = [seq for seq in heights if seq >= above and (cut is None or seq < cut)]
        return heights[max(live)][0].id if live else covered[1] if covered else None

    # -- The verdict

    def chosen_line(self):
        line = [self.tree[self.federation]]
        while True:
            standing = [self.tree[name] for name, _ in self.finals(line[-1]) if name in self.tree]
            if not standing:
                return line
            line.append(standing[0])

    def splits(self):
        healed = {name for sealed in self.line for name in sealed.body.healed}
        found = set()
        for parent, child in zip(self.line, self.line[1:]):
            if not self.is_settled(parent, child.id):
                found |= {name for name, _ in self.finals(parent) if name != child.id and name not in self.wrong}
        return sorted(found - healed)

    def spend(self, member):
        period, head = self.period(self.tip.body.epoch + 1), self.head(member)
        spend = self.entries[head].header.spend if head else None
        known = spend is not None and spend.period == period
        return {
            "period": period,
            "rho_nano": spend.rho_nano if known else 0,
            "delta_e18": spend.delta_e18 if known else 0,
        }

    def verdict(self, malformed):
        counted = {one.id for author in self.chains for one in self.branch(self.head(author))}
        waiting = [one.id for one in self.by_id.values() if one.id not in self.entries and one.id not in self.refused]
        forks = {author: self.fork(author) for author in self.chains}
        refused = malformed | {name.hex(): why for name, why in self.refused.items()}
        body = self.tip.body
        return {
            "federation": self.federation.hex(),
            "deltas": {
                "accepted": len(self.entries),
                "uncounted": sorted(name.hex() for name in self.entries if name not in counted),
                "refused": dict(sorted(refused.items())),
                "waiting": sorted(name.hex() for name in waiting),
            },
            "sealed": [sealed.id.hex() for sealed in self.line],
            "splits": [name.hex() for name in self.splits()],
            "open_epoch": body.epoch + 1,
            "roster": [{"member": one.member.hex(), "key": one.key.hex()} for one in body.roster],
            "signers": [signer.hex() for signer in self.tip.signers],
            "removed": [one.member.hex() for one in body.removed],
            "excluded": [one.member.hex() for one in body.excluded],
            "forks": {author.hex(): fork for author, fork in sorted(forks.items()) if fork is not None},
            "spend": {one.member.hex(): self.spend(one.member) for one in body.roster},
            "state_root": "not checked",
        }


# ---- The directory


def read_file(path, most):
    with path.open("rb") as file:
        return file.read(most + 1)


def read_deltas(directory):
    """The sound deltas by id, and the faults of the others by the name of their file."""
    sound, malformed = {}, {}
    for path in sorted(directory.glob("*.delta")):
        try:
            delta = Delta(read_file(path, MAX_DELTA))
        except Malformed as error:
            malformed[path.stem] = f"malformed: {error}"
            continue
        except OSError as error:
            raise BadInput(f"{path}: {error}; export the log again") from error
        if path.stem != delta.id.hex():
            malformed[path.stem] = f"malformed: the file holds delta {delta.id.hex()}; rename it"
            continue
        sound[delta.id] = delta
    return sound, malformed


def verify(directory):
    """The verdict on an exported log. Raises BadInput."""
    path = directory / "charter.bin"
    again = "write the directory with `lore federation export-log --dir DIR`"
    try:
        charter, federation = read_charter(read_file(path, MAX_CHARTER + 4096))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; {again}") from error
    except BadInput as error:
        raise BadInput(f"{path}: {error}; {again}") from error
    deltas, malformed = read_deltas(directory)
    return Log(charter, federation, deltas).verdict(malformed)


def main():
    summary, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=rest, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("directory", type=Path, help="directory with charter.bin and <id>.delta files")
    try:
        verdict = verify(parser.parse_args().directory)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(verdict, indent=2))
    return 1 if verdict["deltas"]["refused"] else 0


if __name__ == "__main__":
    sys.exit(main())
