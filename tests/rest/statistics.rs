//! `…/statistics`

use api::types::{Host, Statistic, StatisticKind, StatisticUnit};

use super::admin;

#[tokio::test]
async fn vms_and_hosts_are_measured_under_ovirts_names() {
    let (site, api) = admin().await;
    let vm = site.running_vm("web1").await;
    let base = format!("vms/{vm}/statistics");
    let statistics: Vec<Statistic> = api.list(&base).await;
    let named = |name: &str| {
        statistics
            .iter()
            .find(|it| it.name.as_deref() == Some(name))
            .unwrap_or_else(|| panic!("{name}"))
    };
    let memory = named("memory.installed");
    assert_eq!(
        (memory.unit, memory.kind),
        (Some(StatisticUnit::Bytes), Some(StatisticKind::Gauge))
    );
    assert_eq!(
        memory.values.as_ref().unwrap()[0].datum,
        Some((1u64 << 30) as f64)
    );
    named("cpu.current.guest");
    named("memory.used");
    let one: Statistic = api
        .get(&format!("{base}/{}", memory.id.as_ref().unwrap()))
        .await;
    assert_eq!(one.name, memory.name);
    let hosts: Vec<Host> = api.list("hosts").await;
    let host = format!("hosts/{}/statistics", hosts[0].id.as_ref().unwrap());
    let names: Vec<String> = api
        .list::<Statistic>(&host)
        .await
        .into_iter()
        .filter_map(|it| it.name)
        .collect();
    assert!(names.contains(&"memory.total".to_owned()), "{names:?}");
    api.gone(&format!("{base}/00000000-0000-0000-0000-0000000000ff"))
        .await;
}
