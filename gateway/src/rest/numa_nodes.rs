//! `/vms/{id}/numanodes`: a VM's memory in parts, each with the processors that are near it.

use std::sync::Arc;

use api::path;
use api::types::{Core, Cpu, NumaNodePin, VirtualNumaNode};
use manager::model::{NumaNode, NumaTuneMode, Vm};
use manager::{VmSettings, VmUpdateParams};

use super::convert::{int, number, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, list_or_pick};
use super::{Change, Verb};

pub(super) fn read(vm: &Vm, rest: &[&str]) -> Result<Found> {
    list_or_pick(of(vm).iter().map(|node| to_api(vm, node)).collect(), rest)
}

/// The nodes that the VM has, or will have after its next start.
fn of(vm: &Vm) -> &[NumaNode] {
    &vm.next_run.as_deref().unwrap_or(&vm.hardware).numa_nodes
}

fn to_api(vm: &Vm, node: &NumaNode) -> VirtualNumaNode {
    let cores = node.cpus.iter().map(|cpu| Core {
        index: int(*cpu),
        ..Core::default()
    });
    let pins = node.host_nodes.iter().map(|node| NumaNodePin {
        index: int(*node),
        ..NumaNodePin::default()
    });
    VirtualNumaNode {
        id: Some(node.id.to_string()),
        href: Some(path::vm(vm.id).numa_nodes().item(node.id).to_string()),
        vm: reference!(Vm, path::vm(vm.id), vm.id),
        index: int(node.index),
        memory: int(node.memory_mib),
        cpu: Some(
            Cpu {
                cores: Some(cores.collect::<Vec<_>>().into()),
                ..Cpu::default()
            }
            .into(),
        ),
        numa_node_pins: (!node.host_nodes.is_empty()).then(|| pins.collect::<Vec<_>>().into()),
        numa_tune_mode: word(node.tune_mode.as_str()),
        ..VirtualNumaNode::default()
    }
}

pub(super) async fn change(
    change: &Change<'_>,
    verb: Verb,
    vm: &Arc<Vm>,
    rest: &[&str],
) -> Result<Answer> {
    let mut nodes = of(vm).to_vec();
    match (verb, rest) {
        (Verb::Post, []) => {
            let sent: VirtualNumaNode = change.sent.body()?;
            if sent.index.is_none() || sent.memory.is_none() {
                let missing = ["index", "memory"];
                return Err(Refused::incomplete("VirtualNumaNode", &missing, "add"));
            }
            let mut node = NumaNode {
                id: new_id(vm, &sent)?,
                index: 0,
                memory_mib: 0,
                cpus: Vec::new(),
                host_nodes: Vec::new(),
                tune_mode: vm.hardware.numa_tune_mode.unwrap_or_default(),
            };
            put_into(&mut node, &sent)?;
            nodes.push(node.clone());
            let vm = set(change, vm, nodes).await?;
            Ok(Answer::Created(Box::new(to_api(&vm, &node))))
        }
        (Verb::Put, [id]) => {
            let sent: VirtualNumaNode = change.sent.body()?;
            let place = place(&nodes, id)?;
            put_into(&mut nodes[place], &sent)?;
            let node = nodes[place].clone();
            let vm = set(change, vm, nodes).await?;
            Ok(Answer::Object(Box::new(to_api(&vm, &node))))
        }
        (Verb::Delete, [id]) => {
            nodes.remove(place(&nodes, id)?);
            set(change, vm, nodes).await?;
            Ok(Answer::Removed)
        }
        _ => Err(Refused::unbuilt()),
    }
}

/// An id that says whose node it is: the VM's, with the node's number in its last bytes.
fn new_id(vm: &Vm, sent: &VirtualNumaNode) -> Result<uuid::Uuid> {
    let index: u32 = number("index", sent.index)?.unwrap_or(0);
    let mut bytes = vm.id.0.into_bytes();
    for (byte, more) in bytes[12..].iter_mut().zip((index + 1).to_be_bytes()) {
        *byte ^= more;
    }
    Ok(uuid::Uuid::from_bytes(bytes))
}

fn place(nodes: &[NumaNode], id: &str) -> Result<usize> {
    nodes
        .iter()
        .position(|node| node.id.to_string() == id)
        .ok_or_else(|| Refused::not_found(id))
}

fn put_into(node: &mut NumaNode, sent: &VirtualNumaNode) -> Result<()> {
    if let Some(index) = number("index", sent.index)? {
        node.index = index;
    }
    if let Some(memory) = number("memory", sent.memory)? {
        node.memory_mib = memory;
    }
    if let Some(cores) = sent.cpu.as_deref().and_then(|cpu| cpu.cores.as_ref()) {
        node.cpus = cores
            .iter()
            .filter_map(|core| number("cpu.cores.core.index", core.index).transpose())
            .collect::<Result<_>>()?;
    }
    if let Some(pins) = &sent.numa_node_pins {
        node.host_nodes = pins
            .iter()
            .filter_map(|pin| number("numa_node_pins.index", pin.index).transpose())
            .collect::<Result<_>>()?;
    }
    if let Some(mode) = sent.numa_tune_mode {
        node.tune_mode = NumaTuneMode::of(mode.as_str()).unwrap_or_default();
    }
    Ok(())
}

async fn set(change: &Change<'_>, vm: &Arc<Vm>, nodes: Vec<NumaNode>) -> Result<Arc<Vm>> {
    let params = VmUpdateParams {
        settings: VmSettings {
            numa_nodes: Some(nodes),
            ..VmSettings::default()
        },
        ..VmUpdateParams::default()
    };
    Ok(change
        .view
        .manager()
        .vm_update(change.caller(), vm.id, params)
        .await?)
}
