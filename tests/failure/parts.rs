//! The parts that the program stands on die: libvirtd, and a guest's QEMU. What is shown meanwhile is
//! true, and what comes back is found again.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use spice_proxy::{ChannelType, Hello, Key, Welcome};
use tests::http::Socket;
use tokio_tungstenite::tungstenite::Message;

use super::*;

/// How soon a lost part must be shown.
const SHOWN: Duration = Duration::from_secs(20);

/// Asks until the answer is as `is` wants it; the answer.
pub(super) async fn until(
    program: &Saffron,
    path: &str,
    limit: Duration,
    is: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let began = Instant::now();
    loop {
        let answer = program.get(path).await?;
        if is(&answer) {
            return Ok(answer);
        }
        ensure!(began.elapsed() < limit, "{path} stays {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The numbers and texts of the newest events, oldest first.
async fn events(program: &Saffron) -> Result<Vec<(String, String)>> {
    let events = program.get("events?max=100").await?;
    let word = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let mut list: Vec<_> = events["event"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| (word(event, "code"), word(event, "description")))
        .collect();
    list.reverse();
    Ok(list)
}

/// The process of a domain's QEMU.
fn qemu(site: &Site, vm: &str) -> Result<u32> {
    let file = site.libvirtd.folder().join(format!("run/qemu/{vm}.pid"));
    Ok(std::fs::read_to_string(file)?.trim().parse()?)
}

fn lives(process: u32) -> bool {
    // A zombie's command line is empty.
    std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// SIGKILL, to a process that this test had started.
fn kill(process: u32) -> Result<()> {
    let killed = Command::new("kill")
        .args(["-9", &process.to_string()])
        .status()?;
    ensure!(killed.success(), "process {process} was not there");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_libvirtd_is_shown_and_all_is_right_soon_after_its_return() -> Result<()> {
    let site = Site::new()?;
    let program = site.start(None).await?;
    let vm = Deed::Stop.prepare(&program, "survivor").await?;
    let idle = program.make_vm("idle").await?;
    let run = site.libvirtd.virsh(&["domid", &vm])?;
    let started = program.get(&format!("vms/{vm}")).await?["start_time"].clone();
    let process = qemu(&site, &vm)?;
    let before = events(&program).await?.len();
    let host_is = |status: &'static [&'static str]| {
        move |hosts: &Value| {
            hosts["host"][0]["status"]
                .as_str()
                .is_some_and(|is| status.contains(&is))
        }
    };

    site.libvirtd.kill()?;
    let away = host_is(&["connecting", "non_responsive"]);
    until(&program, "hosts", SHOWN, away).await?;
    // Nothing is begun that cannot be done, and the reason is a sentence.
    let refused = program
        .send(Method::POST, &format!("vms/{idle}/start"), &json!({}))
        .await?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    let detail = refused.json()["detail"].to_string();
    assert!(
        detail.contains("host") || detail.contains("Host"),
        "{detail}"
    );
    // A short absence says nothing of the guests, a long one that nothing is known.
    until(&program, "hosts", SHOWN * 2, host_is(&["non_responsive"])).await?;
    until(&program, &format!("vms/{vm}"), SHOWN, |vm| {
        vm["status"] == "unknown"
    })
    .await?;
    assert!(lives(process), "the guest runs without libvirtd");
    let none = program
        .send(Method::POST, &format!("vms/{vm}/start"), &json!({}))
        .await?;
    assert_eq!(none.status, 409, "what may be running is not started again");

    let back = Instant::now();
    site.libvirtd.restart()?;
    until(&program, "hosts", CONVERGED, host_is(&["up"])).await?;
    until(&program, &format!("vms/{vm}"), CONVERGED, |vm| {
        vm["status"] == "up"
    })
    .await?;
    loop {
        let Some(wrong) = program.wrong(&site).await? else {
            break;
        };
        ensure!(back.elapsed() < CONVERGED, "{wrong}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ensure!(
        back.elapsed() < CONVERGED,
        "it took {:?} to be right",
        back.elapsed()
    );
    assert_eq!(
        site.libvirtd.virsh(&["domid", &vm])?,
        run,
        "it is the same run"
    );
    assert_eq!(
        program.get(&format!("vms/{vm}")).await?["start_time"],
        started
    );
    assert_eq!(qemu(&site, &vm)?, process);

    // Everything of it can be read later, in the order in which it happened.
    let said = events(&program).await?.split_off(before);
    let place = |code: &str, words: &str| {
        said.iter()
            .position(|(is, text)| is == code && text.contains(words))
            .with_context(|| format!("no event {code} {words:?} in {said:#?}"))
    };
    let lost = place("142", "survivor was set to the Unknown status")?;
    let found = place("163", "survivor")?;
    let up = place("13", "was set to Up")?;
    let gone = place("9027", "is not responding")?;
    assert!(gone < lost && lost < found && lost < up, "{said:#?}");
    // And it works again.
    program
        .done(Method::POST, &format!("vms/{idle}/start"), &json!({}))
        .await?;
    program.vm_is(&idle, "up").await?;
    Ok(())
}

/// The next binary message of a console, or the close's code and reason.
async fn next(socket: &mut Socket) -> Result<Vec<u8>, (u16, String)> {
    loop {
        match tokio::time::timeout(LIMIT, socket.next()).await {
            Err(_) => return Err((0, format!("nothing came in {LIMIT:?}"))),
            Ok(Some(Ok(Message::Binary(bytes)))) => return Ok(bytes.to_vec()),
            Ok(Some(Ok(Message::Close(Some(frame))))) => {
                return Err((frame.code.into(), frame.reason.to_string()));
            }
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(error))) => return Err((1006, error.to_string())),
            Ok(None) => return Err((1006, String::new())),
        }
    }
}

/// Opens the main channel of a VM's console, as the worker in the browser does.
async fn console(site: &Site, vm: &str) -> Result<Socket> {
    let ca = std::fs::read_to_string(site.state.join("ca.pem"))?;
    let person = Client::new(site.address, &ca)?;
    let login = json!({"username": "admin@internal", "password": PASSWORD});
    person.post("/saffron/session", &login).await.expect(200);
    let path = format!("/saffron/vms/{vm}/console");
    let ticket = person.post(&path, &json!({})).await.expect(200).json();
    let hex = ticket["ticket"].as_str().context("no ticket")?;
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().enumerate() {
        let digits = hex
            .get(2 * place..2 * place + 2)
            .context("a short ticket")?;
        *byte = u8::from_str_radix(digits, 16)?;
    }
    let Ok(mut socket) = person.websocket("/saffron/console", "console.v1").await else {
        bail!("no WebSocket");
    };
    let hello = Hello {
        key: Key(key),
        channel_type: ChannelType::MAIN,
        channel_id: 0,
        connection_id: 0,
        common_caps: spice::link::Capabilities::of(&[3]),
        channel_caps: spice::link::Capabilities::default(),
        window: 0,
    };
    socket.send(Message::Binary(hello.encode().into())).await?;
    match next(&mut socket).await {
        Ok(welcome) => {
            let welcome = Welcome::decode(&welcome).context("no welcome")?;
            assert_eq!(welcome.keys.len(), 16);
        }
        Err((code, reason)) => bail!("{code} {reason}"),
    }
    Ok(socket)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kill_9_of_the_program_a_console_opens_and_it_ends_with_its_guests_qemu() -> Result<()>
{
    let site = Site::new()?;
    let program = site.start(None).await?;
    let vm = Deed::Stop.prepare(&program, "screen").await?;
    let started = program.get(&format!("vms/{vm}")).await?["start_time"].clone();
    let process = qemu(&site, &vm)?;
    let mut before = console(&site, &vm).await?;
    // A Saffron that is dropped is killed by SIGKILL.
    drop(program);
    while next(&mut before).await.is_ok() {}
    assert!(lives(process), "the guest runs without the program");

    let program = site.start(None).await?;
    program.is_right_in_time(&site, "after kill -9").await?;
    assert_eq!(
        program.get(&format!("vms/{vm}")).await?["start_time"],
        started,
        "it is the same run"
    );
    let mut after = console(&site, &vm).await?;
    let first = next(&mut after).await;
    assert!(
        first.as_ref().is_ok_and(|bytes| !bytes.is_empty()),
        "QEMU's SPICE server speaks: {first:?}"
    );

    // QEMU dies: the console says so, the VM is down, the event names the reason.
    let began = Instant::now();
    kill(process)?;
    let (code, reason) = loop {
        if let Err(end) = next(&mut after).await {
            break end;
        }
    };
    assert_eq!(code, 4503, "{reason}");
    assert!(reason.ends_with('.') && reason.len() > 10, "{reason:?}");
    until(&program, &format!("vms/{vm}"), CONVERGED, |vm| {
        vm["status"] == "down"
    })
    .await?;
    ensure!(began.elapsed() < CONVERGED, "{:?}", began.elapsed());
    let said = events(&program).await?;
    assert!(
        said.iter()
            .any(|(code, text)| code == "119" && text.contains("screen")),
        "{said:#?}"
    );
    program.is_right_in_time(&site, "after QEMU died").await?;
    // It can be started again, which is another run.
    program
        .done(Method::POST, &format!("vms/{vm}/start"), &json!({}))
        .await?;
    program.vm_is(&vm, "up").await?;
    assert_ne!(qemu(&site, &vm)?, process);
    clean(&program, &vm).await
}
