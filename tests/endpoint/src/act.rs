//! Acts of the server on a request.

use std::io::{self, Write};
use std::net::TcpStream;

/// The treatment of a request.
#[derive(Debug, Clone)]
pub enum Act {
    /// A whole answer.
    Answer(Answer),
    /// An event stream in these pieces.
    Stream(Vec<String>, Ending),
    /// No answer at all, while the connection stays.
    Hang,
    /// A body of this content type with so many bytes, of which the last never comes.
    Flood(&'static str, u64),
}

/// The end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Whole,
    /// The connection breaks.
    Cut,
    /// Nothing more comes, and the connection stays.
    Hang,
}

/// The declared length of a body.
#[derive(Debug, Clone, Copy)]
enum Length {
    True,
    Said(usize),
    Untold,
}

/// Status, headers and body.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    length: Length,
    stays_open: bool,
}

/// An answer of this content type.
#[must_use]
pub fn answer(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Act {
    Act::Answer(Answer {
        status,
        headers: vec![("content-type", kind.to_owned())],
        body: body.into(),
        length: Length::True,
        stays_open: false,
    })
}

/// A success with JSON.
#[must_use]
pub fn json(body: &str) -> Act {
    answer(200, "application/json; charset=utf-8", body)
}

/// Any status with JSON.
#[must_use]
pub fn fails(status: u16, body: &str) -> Act {
    answer(status, "application/json", body)
}

impl Act {
    /// With one more header.
    ///
    /// # Panics
    /// When this is no [`Act::Answer`].
    #[must_use]
    pub fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        self.changed(|answer| answer.headers.push((name, value.into())))
    }

    /// With a content length that may be a lie.
    ///
    /// # Panics
    /// When this is no [`Act::Answer`].
    #[must_use]
    pub fn of_length(self, bytes: usize) -> Self {
        self.changed(|answer| answer.length = Length::Said(bytes))
    }

    /// Without a content length: the connection's end is the body's.
    ///
    /// # Panics
    /// When this is no [`Act::Answer`].
    #[must_use]
    pub fn without_length(self) -> Self {
        self.changed(|answer| answer.length = Length::Untold)
    }

    /// Without a content length, on a connection that stays open after the body.
    ///
    /// # Panics
    /// When this is no [`Act::Answer`].
    #[must_use]
    pub fn kept_open(self) -> Self {
        self.without_length().changed(|answer| answer.stays_open = true)
    }

    fn changed(self, change: impl FnOnce(&mut Answer)) -> Self {
        let Self::Answer(mut answer) = self else {
            panic!("only a whole answer has headers and a length");
        };
        change(&mut answer);
        Self::Answer(answer)
    }

    /// Does it. A client that hangs up concerns only its own connection.
    pub(crate) fn perform(&self, stream: &mut TcpStream) -> io::Result<()> {
        match self {
            Self::Answer(answer) => answer.send(stream),
            Self::Stream(pieces, ending) => {
                begin(stream, "text/event-stream")?;
                for piece in pieces {
                    chunk(stream, piece.as_bytes())?;
                }
                match ending {
                    Ending::Whole => stream.write_all(b"0\r\n\r\n"),
                    Ending::Cut => Ok(()),
                    Ending::Hang => stay(stream),
                }
            }
            Self::Hang => stay(stream),
            Self::Flood(kind, bytes) => {
                begin(stream, kind)?;
                let block = vec![b'x'; 64 << 10];
                for _ in 0..bytes / block.len() as u64 {
                    chunk(stream, &block)?;
                }
                Ok(())
            }
        }
    }
}

impl Answer {
    fn send(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} x\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match self.length {
            Length::True => head.push_str(&format!("content-length: {}\r\n", self.body.len())),
            Length::Said(bytes) => head.push_str(&format!("content-length: {bytes}\r\n")),
            Length::Untold => {}
        }
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
        stream.write_all(&self.body)?;
        if self.stays_open { stay(stream) } else { stream.flush() }
    }
}

fn begin(stream: &mut TcpStream, kind: &str) -> io::Result<()> {
    // Were the connection to be used again, the next request could meet its end.
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())
}

fn chunk(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
    stream.write_all(bytes)?;
    stream.write_all(b"\r\n")
}

/// Keeps the connection until the client ends it.
fn stay(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}
