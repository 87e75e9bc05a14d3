//! The server's command line: reads arguments, environment and files, starts what `lib.rs` is, and
//! ends it when it is told to.

use std::io::Write;

use anyhow::Context;
use clap::{Parser, Subcommand};
use gateway::Server;
use gateway::config::{Config, Flags};
use tokio::signal::unix::{SignalKind, signal};
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
    Serve(Flags),
}

fn main() -> anyhow::Result<()> {
    let Command::Serve(flags) = Arguments::parse().command;
    let mut config = Config::new(flags, |path| std::fs::read_to_string(path))?;
    // For tests of recovery: where to stop dead, as SIGKILL would. Not in what people run.
    if cfg!(debug_assertions) {
        config.crash = std::env::var("SAFFRON_CRASH").ok();
    }
    let filter = EnvFilter::try_new(&config.log)
        .with_context(|| format!("cannot understand log directives {:?}", config.log))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    // Listened for before anything is started, so that an early end is an orderly one too.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
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
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("Ending");
    running.shutdown().await;
    Ok(())
}
