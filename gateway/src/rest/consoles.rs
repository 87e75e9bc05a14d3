//! `/vms/{id}/graphicsconsoles` and `/vms/{id}/cdroms`: a VM's screens and its CD drive, as they
//! are configured and as they are now.

use std::fmt::Write as _;
use std::sync::Arc;

use api::types::{self, Action, File, Ticket};
use api::{Object, path};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use manager::model::{DiskId, GraphicsAddress, GraphicsType, InstanceType, Permit, Template, Vm};
use manager::{VmSettings, VmUpdateParams};

use super::convert::{given, int, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::request::Params;
use super::view::{Found, View, list_or_pick};
use super::vms::running;
use super::{Change, Verb};
use crate::auth::Caller;

/// The one CD drive of a VM.
const DRIVE: &str = "00000000-0000-0000-0000-000000000000";
/// Seconds that a password for a viewer opens connections, where nothing else is asked for.
const TICKET_SECONDS: u32 = 120;

pub(super) fn read(view: &View, params: &Params, vm: &Vm, rest: &[&str]) -> Result<Found> {
    let consoles = to_api(vm, params.current, may_connect(view, vm));
    list_or_pick(consoles, rest)
}

/// Whether the caller may be told where a VM's consoles listen: only who may open them.
pub(super) fn may_connect(view: &View, vm: &Vm) -> bool {
    [Permit::CONNECT_TO_VM, Permit::RECONNECT_TO_VM]
        .into_iter()
        .any(|permit| view.access().may(&view.caller, permit, vm.id))
}

/// Where a running VM's console of a protocol listens.
pub(super) fn address(vm: &Vm, protocol: GraphicsType) -> Option<&GraphicsAddress> {
    let mut consoles = vm.run.graphics.iter();
    consoles.find(|console| console.protocol == protocol && running(vm))
}

/// The consoles of a VM: those it is configured with, or those it has now. While it runs, each
/// says where it is, if it is to.
pub(super) fn to_api(vm: &Vm, current: bool, say_where: bool) -> Vec<types::GraphicsConsole> {
    let configured = vm.hardware.display.graphics.iter().copied();
    let protocols: Vec<GraphicsType> = if current && running(vm) {
        vm.run
            .graphics
            .iter()
            .map(|console| console.protocol)
            .collect()
    } else {
        configured.collect()
    };
    protocols
        .into_iter()
        .map(|protocol| {
            let address = address(vm, protocol).filter(|_| say_where);
            let id = id(protocol);
            types::GraphicsConsole {
                href: Some(path::vm(vm.id).graphics_consoles().item(&id).to_string()),
                vm: reference!(Vm, path::vm(vm.id), vm.id),
                protocol: word(protocol.as_str()),
                address: address.map(|it| it.address.clone()),
                port: address.and_then(|it| it.port).map(i64::from),
                tls_port: address.and_then(|it| it.tls_port).map(i64::from),
                id: Some(id),
                ..types::GraphicsConsole::default()
            }
        })
        .collect()
}

/// The consoles that VMs of a template get.
pub(super) fn of_template(template: &Template) -> Vec<types::GraphicsConsole> {
    let protocols = template.hardware.display.graphics.iter();
    protocols
        .map(|protocol| {
            let id = id(*protocol);
            types::GraphicsConsole {
                href: Some(
                    path::template(template.id)
                        .graphics_consoles()
                        .item(&id)
                        .to_string(),
                ),
                template: reference!(Template, path::template(template.id), template.id),
                protocol: word(protocol.as_str()),
                id: Some(id),
                ..types::GraphicsConsole::default()
            }
        })
        .collect()
}

/// The consoles that VMs of an instance type get.
pub(super) fn of_instance_type(kind: &InstanceType) -> Vec<types::GraphicsConsole> {
    let hardware = manager::instance_type_hardware(kind);
    let protocols = hardware.display.graphics.iter();
    protocols
        .map(|protocol| {
            let id = id(*protocol);
            types::GraphicsConsole {
                href: Some(
                    path::instance_type(kind.id)
                        .graphics_consoles()
                        .item(&id)
                        .to_string(),
                ),
                instance_type: reference!(InstanceType, path::instance_type(kind.id), kind.id),
                protocol: word(protocol.as_str()),
                id: Some(id),
                ..types::GraphicsConsole::default()
            }
        })
        .collect()
}

/// A console's id: its protocol's letters in hexadecimal.
fn id(protocol: GraphicsType) -> String {
    protocol
        .as_str()
        .bytes()
        .fold(String::new(), |mut id, letter| {
            let _ = write!(id, "{letter:02x}");
            id
        })
}

fn protocol(vm: &Vm, console: &str) -> Result<GraphicsType> {
    let configured = vm.hardware.display.graphics.iter().copied();
    let running = vm.run.graphics.iter().map(|console| console.protocol);
    configured
        .chain(running)
        .find(|protocol| id(*protocol) == console)
        .ok_or_else(|| Refused::not_found(console))
}

pub(super) async fn change(
    change: &Change<'_>,
    verb: Verb,
    vm: &Arc<Vm>,
    rest: &[&str],
) -> Result<Answer> {
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: types::GraphicsConsole = change.sent.body()?;
            let protocol = given("protocol", sent.protocol.map(|it| it.as_str()))?;
            let Some(protocol) = protocol else {
                return Err(Refused::incomplete("GraphicsConsole", &["protocol"], "add"));
            };
            let mut graphics = vm.hardware.display.graphics.clone();
            if graphics.contains(&protocol) {
                return Err(Refused::conflict(
                    "The VM has a console of this protocol already.",
                ));
            }
            graphics.push(protocol);
            configure(change, vm, graphics).await?;
            let id = id(protocol);
            let object = types::GraphicsConsole {
                href: Some(path::vm(vm.id).graphics_consoles().item(&id).to_string()),
                id: Some(id),
                vm: reference!(Vm, path::vm(vm.id), vm.id),
                protocol: word(protocol.as_str()),
                ..types::GraphicsConsole::default()
            };
            Ok(Answer::Created(Box::new(object)))
        }
        (Verb::Delete, [console]) => {
            let protocol = protocol(vm, console)?;
            let mut graphics = vm.hardware.display.graphics.clone();
            graphics.retain(|it| *it != protocol);
            configure(change, vm, graphics).await?;
            Ok(Answer::Removed)
        }
        (Verb::Post, [console, "remoteviewerconnectionfile"]) => {
            let sent = change.sent.action()?;
            let file =
                connection_file(&change.view, change.session, change.headers, vm, console).await?;
            let mut answer = change.acted(&sent, None);
            if let Answer::Done(action) | Answer::Pending(action) = &mut answer {
                action.remote_viewer_connection_file = Some(file);
            }
            Ok(answer)
        }
        (Verb::Post, [console, "ticket"]) => {
            protocol(vm, console)?;
            let sent = change.sent.action()?;
            ticket(change, vm, &sent).await
        }
        _ => Err(Refused::unbuilt()),
    }
}

async fn configure(change: &Change<'_>, vm: &Vm, graphics: Vec<GraphicsType>) -> Result<()> {
    let settings = VmSettings {
        graphics: Some(graphics),
        ..VmSettings::default()
    };
    let params = VmUpdateParams {
        settings,
        ..VmUpdateParams::default()
    };
    change
        .view
        .manager()
        .vm_update(change.caller(), vm.id, params)
        .await?;
    Ok(())
}

/// The action `ticket` of a VM or of one of its consoles: a password for a native viewer.
pub(super) async fn ticket(change: &Change<'_>, vm: &Vm, sent: &Action) -> Result<Answer> {
    let asked = sent.ticket.as_deref();
    if asked.is_some_and(|ticket| ticket.value.as_deref().is_some_and(|it| !it.is_empty())) {
        // A password that somebody made up may be weak, and is known to whoever sent it.
        return Err(Refused::bad("The value of a ticket cannot be chosen."));
    }
    let seconds = super::convert::number("ticket.expiry", asked.and_then(|it| it.expiry))?;
    let ticket = change
        .view
        .manager()
        .vm_ticket(change.caller(), vm.id, seconds)
        .await?;
    let mut answer = change.acted(sent, None);
    if let Answer::Done(action) | Answer::Pending(action) = &mut answer {
        action.ticket = Some(
            Ticket {
                value: Some(ticket.value.expose().to_owned()),
                expiry: int(ticket.valid.as_secs()),
            }
            .into(),
        );
    }
    Ok(answer)
}

/// `GET` of a console with `Accept: application/x-virt-viewer`.
pub(super) async fn viewer_file(
    view: &View,
    session: &Caller,
    headers: &HeaderMap,
    vm: &str,
    console: &str,
) -> Result<Response> {
    let vm = view.vm(vm)?;
    let file = connection_file(view, session, headers, &vm, console).await?;
    Ok(([(header::CONTENT_TYPE, "application/x-virt-viewer")], file).into_response())
}

/// What `remote-viewer` opens.
async fn connection_file(
    view: &View,
    session: &Caller,
    headers: &HeaderMap,
    vm: &Vm,
    console: &str,
) -> Result<String> {
    let protocol = protocol(vm, console)?;
    let Some(address) = address(vm, protocol) else {
        return Err(Refused::conflict(
            "The VM is not running, so its console cannot be opened.",
        ));
    };
    let ticket = view
        .manager()
        .vm_ticket(session, vm.id, Some(TICKET_SECONDS))
        .await?;
    let ca = view.shared.ca_pem().trim_end().replace('\n', "\\n");
    let mut file = String::from("[virt-viewer]\n");
    let mut line = |name: &str, value: &str| {
        // A name may not add lines of its own.
        let value: String = value
            .chars()
            .filter(|letter| !letter.is_control())
            .collect();
        let _ = writeln!(file, "{name}={value}");
    };
    line("type", protocol.as_str());
    line("host", &address.address);
    if let Some(port) = address.port {
        line("port", &port.to_string());
    }
    if let Some(port) = address.tls_port {
        line("tls-port", &port.to_string());
    }
    line("password", ticket.value.expose());
    let _ = writeln!(
        file,
        "# Password is valid for {} seconds.",
        ticket.valid.as_secs()
    );
    let mut line = |name: &str, value: &str| {
        let value: String = value
            .chars()
            .filter(|letter| !letter.is_control())
            .collect();
        let _ = writeln!(file, "{name}={value}");
    };
    line("delete-this-file", "1");
    line("fullscreen", "0");
    line("title", &format!("{}:%d", vm.name));
    line("toggle-fullscreen", "shift+f11");
    line("release-cursor", "shift+f12");
    line("secure-attention", "ctrl+alt+end");
    if protocol == GraphicsType::Spice {
        line(
            "enable-smartcard",
            if vm.hardware.display.smartcard {
                "1"
            } else {
                "0"
            },
        );
        line(
            "enable-usb-autoshare",
            if vm.hardware.usb { "1" } else { "0" },
        );
        if address.tls_port.is_some() {
            line("ca", &ca);
            line(
                "secure-channels",
                "main;inputs;cursor;playback;record;display;usbredir;smartcard",
            );
        }
    }
    file.push_str("\n[ovirt]\n");
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(file, "{name}={value}");
    };
    line("host", &view.authority);
    line("vm-guid", &vm.id.to_string());
    // Only a token that the client has itself can be given back to it.
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if let Some(token) = bearer.and_then(|value| value.strip_prefix("Bearer ")) {
        line("sso-token", token.trim());
    }
    line(
        "admin",
        if view.administrator() && !view.caller.filter {
            "1"
        } else {
            "0"
        },
    );
    line("ca", &ca);
    Ok(file)
}

pub(super) fn read_cdroms(view: &View, params: &Params, vm: &Vm, rest: &[&str]) -> Result<Found> {
    let _ = view;
    list_or_pick(vec![cdrom_to_api(vm, params.current)], rest)
}

/// The CD drive of a VM: what is in it now, or at its next start.
pub(super) fn cdrom_to_api(vm: &Vm, current: bool) -> types::Cdrom {
    let disk = if current && running(vm) {
        vm.run.cdrom
    } else {
        vm.cdrom
    };
    types::Cdrom {
        id: Some(DRIVE.to_owned()),
        href: Some(path::vm(vm.id).cdroms().item(DRIVE).to_string()),
        vm: reference!(Vm, path::vm(vm.id), vm.id),
        file: disk.map(|id| {
            File {
                id: Some(id.to_string()),
                ..File::default()
            }
            .into()
        }),
        ..types::Cdrom::default()
    }
}

/// The image that a CD drive is to have: none without an id, by name as a fallback.
pub(super) fn disk_of_cdrom(view: &View, cdrom: &types::Cdrom) -> Result<Option<DiskId>> {
    let Some(file) = cdrom.file.as_deref() else {
        return Ok(None);
    };
    let id = file.id.as_deref().filter(|id| !id.is_empty());
    // An ISO domain's files have their names as ids.
    let (id, name) = match id {
        Some(id) if uuid::Uuid::parse_str(id).is_err() => (None, Some(id)),
        id => (id, file.name.as_deref()),
    };
    Ok(view.disk_of(id, name)?.map(|disk| disk.id))
}

pub(super) async fn change_cdroms(
    change: &Change<'_>,
    verb: Verb,
    vm: &Arc<Vm>,
    rest: &[&str],
) -> Result<Answer> {
    let known = matches!((verb, rest), (Verb::Post, []) | (Verb::Put, [DRIVE]));
    if !known {
        return Err(match rest {
            [id] if *id != DRIVE => Refused::not_found(id),
            _ => Refused::unbuilt(),
        });
    }
    let sent: types::Cdrom = change.sent.body()?;
    if verb == Verb::Post && sent.file.is_none() {
        return Err(Refused::incomplete("Cdrom", &["file.id"], "add"));
    }
    let disk = disk_of_cdrom(&change.view, &sent)?;
    let current = change.params.current;
    let manager = change.view.manager();
    let accepted = manager
        .cdrom_change(change.caller(), vm.id, disk, current)
        .await?;
    change.finished(accepted.job).await;
    let vm = change.view.again().vm(&vm.id.to_string())?;
    let object: Box<dyn Object> = Box::new(cdrom_to_api(&vm, current));
    Ok(if verb == Verb::Post {
        Answer::Created(object)
    } else {
        Answer::Object(object)
    })
}
