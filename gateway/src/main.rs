//! The server's command line: reads arguments, environment and files, starts what `lib.rs` is, and
//! ends it when it is told to.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use gateway::Server;
use gateway::config::{self, Config};
use gateway::view::{self, View};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Virtualization management in the browser
#[derive(Parser)]
#[command(name = "saffron", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve portals, API and consoles
    Serve(config::Flags),
    /// Serve just the console page of one SPICE server, without a manager
    View(view::Flags),
}

/// A wrong argument, as `clap` has it.
const WRONG_ARGUMENT: u8 = 2;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(flags) => run_serve(flags),
        Command::View(flags) => run_view(flags),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let wrong = error.is::<config::Error>() || error.is::<view::Error>();
            let code = if wrong { WRONG_ARGUMENT } else { 1 };
            // Nothing else is left to say it to.
            let _ = writeln!(std::io::stderr(), "Error: {error:#}");
            ExitCode::from(code)
        }
    }
}

fn run_serve(flags: config::Flags) -> anyhow::Result<()> {
    let mut config = Config::new(flags, |path| std::fs::read_to_string(path))?;
    // For tests of recovery: where to stop dead, as SIGKILL would. Not in what people run.
    if cfg!(debug_assertions) {
        config.crash = std::env::var("SAFFRON_CRASH").ok();
    }
    log_to_stderr(&config.log)?;
    runtime()?.block_on(serve(config))
}

fn run_view(flags: view::Flags) -> anyhow::Result<()> {
    let config = view::Config::new(flags, |path| std::fs::read_to_string(path))?;
    log_to_stderr(&config.log)?;
    runtime()?.block_on(show(config))
}

fn log_to_stderr(directives: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(directives)
        .with_context(|| format!("cannot understand log directives {directives:?}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    Ok(())
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// Ends when somebody tells the program to end.
struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    /// Listens from now on: to be made before anything is started, so that an early end is an
    /// orderly one too.
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn show(config: view::Config) -> anyhow::Result<()> {
    let mut told = Told::new()?;
    let target = config.target.to_string();
    let state = config.state.clone();
    let open = !config.listen.ip().is_loopback();
    let has_password = config.ticket_file.is_some();
    let running = View::start(config)?;
    let mut out = std::io::stdout();
    writeln!(out, "Saffron shows {target} at {}", running.url())?;
    out.flush()?;
    if open {
        let authority = state.join("ca.pem");
        let mut notes = std::io::stderr();
        writeln!(
            notes,
            "The page's certificate is signed by {}.",
            authority.display()
        )?;
        let whom = if has_password {
            "Everybody who reaches this address can use the console: the password is known here."
        } else {
            "Everybody who reaches this address can try passwords on the SPICE server."
        };
        writeln!(notes, "{whom}")?;
    }
    told.wait().await;
    running.shutdown().await;
    Ok(())
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut told = Told::new()?;
    let state = config.state.clone();
    let mut running = Server::start(config).await?;
    let address = running.address();
    let host = if address.ip().is_unspecified() || address.ip().is_loopback() {
        "localhost".to_owned()
    } else if address.is_ipv6() {
        format!("[{}]", address.ip())
    } else {
        address.ip().to_string()
    };
    let mut out = std::io::stdout();
    writeln!(out, "Saffron serves https://{host}:{}", address.port())?;
    writeln!(
        out,
        "Certificate authority: {}",
        state.join("ca.pem").display()
    )?;
    if let Some(password) = running.take_first_password() {
        writeln!(
            out,
            "First login: admin@internal, password {}",
            password.expose()
        )?;
        writeln!(
            out,
            "(shown this once; it must be changed at the first login)"
        )?;
    }
    out.flush()?;
    tracing::info!(%address, "Serving");
    told.wait().await;
    tracing::info!("Ending");
    running.shutdown().await;
    Ok(())
}
