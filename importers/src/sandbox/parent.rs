//! The parent's side: start the copy, pass the order, follow its progress, explain its death.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::{Failure, FailureClass, Order, Reply};
use crate::importer::{Conversion, Inspection, Text};
use crate::planning::outline::Outline;
use crate::progress::ProgressEvent;

/// Longest line taken from the child; a report of a hundred thousand warnings fits.
const LONGEST_LINE: u64 = 256 << 20;
/// How much of the child's last words is kept.
const LAST_WORDS: usize = 4096;

/// The program to start as the limited copy, and where it may put temporary files.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// Path of this program.
    pub program: PathBuf,
    /// Hidden subcommand that calls [`super::child::serve`].
    pub subcommand: &'static str,
}

/// What came back.
#[derive(Debug)]
pub enum Outcome {
    /// Of an inspection.
    Inspected(Inspection),
    /// Of a conversion.
    Converted(Conversion),
    /// Of an outline.
    Outlined(Outline),
    /// Of an export: features written.
    Exported(u64),
}

impl Sandbox {
    /// Runs `order` and calls `on_progress` for each event.
    ///
    /// `scratch` is where temporary files of the child go. A crash, a hit limit or a timeout is a
    /// [`Failure`] that says so.
    ///
    /// # Panics
    ///
    /// Never: the pipes were asked for and the reading threads do not panic.
    pub fn run(
        &self,
        order: &Order,
        scratch: &Path,
        mut on_progress: impl FnMut(&ProgressEvent),
    ) -> Result<Outcome, Failure> {
        let mut child = self.spawn(order, scratch).map_err(|error| broken_pipe(order, &error))?;
        let stdout = child.stdout.take().expect("stdout was asked to be a pipe");
        let stderr = child.stderr.take().expect("stderr was asked to be a pipe");

        let (lines, received) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            loop {
                let mut line = Vec::new();
                match stdout.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
                    Ok(1..) if lines.send(line).is_ok() => {}
                    _ => break,
                }
            }
        });
        let words = std::thread::spawn(move || last_words(stderr));

        let deadline = Instant::now() + Duration::from_secs(order.limits.wall_secs);
        let mut answer = None;
        let mut late = false;
        loop {
            match received.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => match serde_json::from_slice(&line) {
                    Ok(Reply::Progress(event)) => on_progress(&event),
                    Ok(reply) => answer = Some(reply),
                    // Only a library printing to stdout could get here; it is no answer.
                    Err(_) => {}
                },
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    late = true;
                    child.kill().map_err(|error| broken_pipe(order, &error))?;
                    break;
                }
            }
        }
        let status = child.wait().map_err(|error| broken_pipe(order, &error))?;
        // Both threads end with the child's pipes; a panic in them would be ours and is not hidden.
        reader.join().expect("the line reader does not panic");
        let words = words.join().expect("the stderr reader does not panic");

        match answer {
            Some(Reply::Inspected(inspection)) => Ok(Outcome::Inspected(*inspection)),
            Some(Reply::Converted(conversion)) if status.success() => Ok(Outcome::Converted(*conversion)),
            Some(Reply::Outlined(outline)) => Ok(Outcome::Outlined(*outline)),
            Some(Reply::Exported(features)) if status.success() => Ok(Outcome::Exported(features)),
            Some(Reply::Error(failure)) => Err(failure),
            _ => Err(post_mortem(order, status, late, words)),
        }
    }

    fn spawn(&self, order: &Order, scratch: &Path) -> std::io::Result<Child> {
        let mut child = Command::new(&self.program)
            .arg(self.subcommand)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_remove("PROJ_DATA")
            .env_remove("PROJ_LIB")
            .env("TMPDIR", scratch)
            .env("CPL_TMPDIR", scratch)
            // Each malloc arena reserves address space, which is what the memory limit counts.
            .env("MALLOC_ARENA_MAX", "2")
            .spawn()?;
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        let mut stdin = child.stdin.take().expect("stdin was asked to be a pipe");
        match stdin.write_all(&line) {
            // A child that died before reading is explained by its exit status.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(child),
        }
    }
}

fn last_words(mut stderr: impl std::io::Read) -> String {
    let mut tail = Vec::new();
    let mut buffer = [0_u8; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut buffer) {
        tail.extend_from_slice(&buffer[..read]);
        let surplus = tail.len().saturating_sub(LAST_WORDS);
        tail.drain(..surplus);
    }
    String::from_utf8_lossy(&tail).trim().to_owned()
}

fn broken_pipe(order: &Order, error: &std::io::Error) -> Failure {
    Failure {
        class: FailureClass::Failed,
        path: order.task.path().to_owned(),
        text: Text::new("无法启动受限的转换进程", "the limited conversion process could not be run"),
        causes: vec![error.to_string()],
    }
}

/// Words for a child that died without an answer.
fn post_mortem(order: &Order, status: ExitStatus, late: bool, words: String) -> Failure {
    let limits = order.limits;
    let signal = status.signal().unwrap_or(0);
    let memory_words = ["memory allocation", "bad_alloc", "out of memory", "Out of memory"];
    let text = if late {
        Text::new(
            format!("超过 {} 秒仍未完成,已停止;如文件确实很大,请用 --time-limit 放宽", limits.wall_secs),
            format!(
                "not finished after {} s and stopped; if the file really is that large, raise --time-limit",
                limits.wall_secs
            ),
        )
    } else if signal == libc::SIGXCPU || (signal == libc::SIGKILL && words.is_empty()) {
        Text::new(
            format!("超出计算时间上限(CPU {} 秒),文件可能已损坏;否则请用 --cpu-limit 放宽", limits.cpu_secs),
            format!("CPU limit of {} s hit, the file may be damaged; otherwise raise --cpu-limit", limits.cpu_secs),
        )
    } else if signal == libc::SIGXFSZ {
        Text::new("输出文件超过大小上限", "an output file hit the size limit")
    } else if memory_words.iter().any(|sign| words.contains(sign)) {
        Text::new(
            format!("超出内存上限({} MiB),文件可能已损坏;否则请用 --memory-limit 放宽", limits.memory_bytes >> 20),
            format!(
                "memory limit of {} MiB hit, the file may be damaged; otherwise raise --memory-limit",
                limits.memory_bytes >> 20
            ),
        )
    } else {
        Text::new(
            "转换进程意外终止,未发布任何内容;文件可能已损坏,请用原软件重新导出后再试",
            "the conversion process died and nothing was published; the file may be damaged: export it again and retry",
        )
    };
    let mut causes = vec![format!("child process: {status}")];
    if !words.is_empty() {
        causes.push(words);
    }
    Failure { class: FailureClass::Failed, path: order.task.path().to_owned(), text, causes }
}
