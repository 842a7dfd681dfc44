//! Just enough HTTP/1.0 for services on loopback and their client; parsing is `httparse`'s.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Longest message that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// Time that either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request as a service sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// `GET`, `POST`, ...
    pub(crate) method: String,
    /// From the first `/`.
    pub(crate) path: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    /// As it came; no decoding.
    pub(crate) body: String,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_lowercase()).map(String::as_str)
    }

    /// A field of a form body; values of the lab need no decoding.
    pub(crate) fn form(&self, name: &str) -> Option<&str> {
        let fields = self.body.split('&').filter_map(|pair| pair.split_once('='));
        fields.into_iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    fn bytes(&self, host: &str) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.0\r\nhost: {host}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("content-length: {}\r\n\r\n{}", self.body.len(), self.body);
        text.into_bytes()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    /// Status code.
    pub(crate) status: u16,
    /// Plain text.
    pub(crate) body: String,
}

impl Response {
    /// An answer of plain text.
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into() }
    }
}

/// Beginning and stated length of a message's body.
struct Head<T> {
    value: T,
    body_at: usize,
    body_bytes: usize,
}

/// Reads head and body; `parse` is given all bytes so far and answers None while the head is cut.
fn read_message<T>(
    stream: &mut TcpStream,
    parse: impl Fn(&[u8]) -> std::io::Result<Option<Head<T>>>,
) -> std::io::Result<(T, String)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(head) = parse(&bytes)?
            && bytes.len() >= head.body_at.saturating_add(head.body_bytes)
        {
            let body = &bytes[head.body_at..head.body_at + head.body_bytes];
            return Ok((head.value, String::from_utf8_lossy(body).into_owned()));
        }
        let read = stream.read(&mut buffer)?;
        if read == 0 || bytes.len() > MAX_BYTES {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..read]);
    }
}

fn malformed(error: httparse::Error) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string())
}

fn headers_of(headers: &[httparse::Header<'_>]) -> BTreeMap<String, String> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|header| (header.name.to_lowercase(), text(header.value))).collect()
}

fn length_of(headers: &BTreeMap<String, String>) -> usize {
    let length = headers.get("content-length");
    length.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn parse_request(bytes: &[u8]) -> std::io::Result<Option<Head<Request>>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(body_at) = parsed.parse(bytes).map_err(malformed)? else {
        return Ok(None);
    };
    let value = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        headers: headers_of(parsed.headers),
        body: String::new(),
    };
    let body_bytes = length_of(&value.headers);
    Ok(Some(Head { value, body_at, body_bytes }))
}

fn parse_response(bytes: &[u8]) -> std::io::Result<Option<Head<u16>>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(body_at) = parsed.parse(bytes).map_err(malformed)? else {
        return Ok(None);
    };
    Ok(Some(Head {
        value: parsed.code.unwrap_or(0),
        body_at,
        body_bytes: length_of(&headers_of(parsed.headers)),
    }))
}

/// Sends one request to `address` and reads the answer.
pub(crate) fn send(address: SocketAddr, request: &Request) -> std::io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&request.bytes(&address.to_string()))?;
    let (status, body) = read_message(&mut stream, parse_response)?;
    Ok(Response { status, body })
}

/// A service on loopback with one thread, stopped when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    /// Serves `listener`, one connection after another: answers are computed, never waited for.
    pub(crate) fn start(
        listener: TcpListener,
        handler: impl Fn(&Request) -> Response + Send + 'static,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name(format!("lab-{}", address.port())).spawn(
            move || {
                for stream in listener.incoming() {
                    if stopped.load(Ordering::SeqCst) {
                        return close(listener);
                    }
                    // A client that breaks off concerns only itself.
                    let _ = stream.and_then(|stream| answer(stream, &handler));
                }
            },
        )?;
        Ok(Self { address, stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // The thread waits in accept: a connection of our own wakes it.
        let woken = TcpStream::connect_timeout(&self.address, PATIENCE).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, handler: &impl Fn(&Request) -> Response) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut request, body) = read_message(&mut stream, parse_request)?;
    request.body = body;
    let response = handler(&request);
    let text = format!(
        "HTTP/1.0 {} -\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{}",
        response.status,
        response.body.len(),
        response.body
    );
    stream.write_all(text.as_bytes())
}

/// A listener on a port of loopback, when that is free.
pub(crate) fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

/// Listens no longer on a port.
///
/// To drop the listener is not enough. A child that another thread is starting holds a copy until its program begins,
/// and a look at the port would take the copy for the service that is to come.
pub(crate) fn close(listener: TcpListener) {
    let _ = rustix::net::shutdown(&listener, rustix::net::Shutdown::Both);
    drop(listener);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn echo() -> Server {
        let listener = listen(0).unwrap();
        Server::start(listener, |request| {
            let seen = format!("{} {} {}", request.method, request.path, request.body);
            Response::new(201, seen)
        })
        .unwrap()
    }

    fn request(body: &str) -> Request {
        Request {
            method: "PUT".to_owned(),
            path: "/a".to_owned(),
            headers: BTreeMap::from([("x-b".to_owned(), "c".to_owned())]),
            body: body.to_owned(),
        }
    }

    #[test]
    fn a_request_arrives_whole_and_is_answered() {
        let server = echo();
        let body = "d".repeat(9_000);
        let answer = send(server.address, &request(&body)).unwrap();
        assert_eq!(answer, Response::new(201, format!("PUT /a {body}")));
        assert_eq!(request("e=f&g=h").form("g"), Some("h"));
        assert_eq!(request("").header("X-B"), Some("c"));
    }

    #[test]
    fn nonsense_and_huge_lengths_end_one_connection_and_not_the_service() {
        let server = echo();
        let huge = format!("GET / HTTP/1.0\r\ncontent-length: {}\r\n\r\n", usize::MAX);
        for nonsense in [&[0xff, 0, 13, 10][..], huge.as_bytes(), b"GET"] {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(nonsense).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            // Closed without an answer, or reset: either way nothing was said.
            let _ = stream.read_to_end(&mut answer);
            assert!(answer.is_empty());
        }
        assert_eq!(send(server.address, &request("")).unwrap().status, 201);
    }

    #[test]
    fn a_dropped_service_listens_no_longer() {
        let server = echo();
        let address = server.address;
        drop(server);
        let error = send(address, &request("")).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_closed_port_refuses_while_a_copy_of_the_listener_is_open() {
        let listener = listen(0).unwrap();
        let (copy, address) = (listener.try_clone().unwrap(), listener.local_addr().unwrap());
        close(listener);
        let error = TcpStream::connect(address).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        // And the port can be taken.
        assert!(listen(address.port()).is_ok());
        drop(copy);
    }
}
