//! The program itself: its arguments, what it prints, how it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::site::{Folder, PATIENCE};
use crate::failure::program;

fn view(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(program()?);
    command
        .arg("view")
        .args(arguments)
        .env_remove("SAFFRON_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

/// Waits for a program that must end soon.
fn ended(mut child: Child) -> Result<Option<i32>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        if began.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("it does not end");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn it_prints_one_line_with_the_address_and_ends_when_told() -> Result<()> {
    let target = "spice://[::1]:5930";
    let mut child = view(&[target, "--listen", "127.0.0.1:0"])?.spawn()?;
    let mut out = BufReader::new(child.stdout.take().context("no output")?);
    let mut line = String::new();
    out.read_line(&mut line)?;
    let url = line
        .trim()
        .strip_prefix("Saffron shows spice://[::1]:5930 at ")
        .context(line.clone())?;
    let port = url
        .strip_prefix("http://127.0.0.1:")
        .and_then(|rest| rest.strip_suffix('/'))
        .context(line.clone())?;
    assert!(port.parse::<u16>().is_ok(), "{line}");
    let process = child.id().to_string();
    ensure!(Command::new("kill").arg(&process).status()?.success());
    let mut rest = String::new();
    out.read_to_string(&mut rest)?;
    assert_eq!(rest, "", "one line is all");
    let mut notes = String::new();
    let mut errors = child.stderr.take().context("no errors")?;
    let code = ended(child)?;
    errors.read_to_string(&mut notes)?;
    assert_eq!((code, notes.as_str()), (Some(0), ""));
    Ok(())
}

#[test]
fn a_wrong_argument_ends_with_two_and_a_sentence() -> Result<()> {
    let folder = Folder::new("arguments")?;
    std::fs::write(folder.file("empty"), "\n")?;
    let empty = folder.file("empty");
    for (arguments, part) in [
        (&["vnc://127.0.0.1:5900"][..], "spice+tls://HOST:PORT"),
        (&["spice://127.0.0.1"], "has no port"),
        (
            &["spice://:hunter2@127.0.0.1:5930"],
            "leave the password out",
        ),
        (&["spice+tls://vmhost:5931"], "--ca-file"),
        (
            &["spice://vmhost:5930", "--ca-file", "x"],
            "--ca-file is for TLS",
        ),
        (
            &["spice://vmhost:5930", "--listen", "everywhere"],
            "127.0.0.1:8080",
        ),
        (
            &["spice://vmhost:5930", "--ticket-file", &empty],
            "is empty",
        ),
        (&[], "ADDRESS"),
        (&["spice://vmhost:5930", "--nonsense"], "--nonsense"),
    ] {
        let output = view(arguments)?.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    Ok(())
}

#[test]
fn an_address_that_is_taken_ends_with_one() -> Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let output = view(&["spice://127.0.0.1:5930", "--listen", &address])?.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("cannot listen on {address}")),
        "{said}"
    );
    Ok(())
}

#[test]
fn its_help_says_how_to_begin() -> Result<()> {
    let output = view(&["--help"])?.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    for part in [
        "spice://HOST:PORT",
        "--ca-file",
        "--host-subject",
        "--ticket-file",
        "-spice addr=127.0.0.1,port=5930",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    Ok(())
}
