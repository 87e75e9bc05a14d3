//! The answer file that Windows reads at its first boot: `sysprep.inf` up to 2003, `Unattend.xml`
//! since. A custom script is the whole file, as with oVirt.

use std::fmt::Write as _;

use super::{GuestFile, Identity};
use crate::catalogue::{self, AnswerFile};
use crate::model::{AddressSource, Initialization};
use crate::time_zone;

/// Longest name of a Windows machine.
const MOST_NAME: usize = 15;

pub(super) fn file(settings: &Initialization, identity: Identity<'_>) -> GuestFile {
    let os = catalogue::os(identity.os_type);
    let answers = os.answers.unwrap_or(AnswerFile::Xml { wide: true });
    let name = match answers {
        AnswerFile::Inf => "sysprep.inf",
        AnswerFile::Xml { .. } => "Unattend.xml",
    };
    let custom = settings
        .custom_script
        .clone()
        .filter(|script| !script.trim().is_empty());
    let content = custom.unwrap_or_else(|| match answers {
        AnswerFile::Inf => inf(settings, identity),
        AnswerFile::Xml { wide } => xml(settings, identity, wide),
    });
    GuestFile { name, content }
}

fn computer_name(settings: &Initialization, identity: Identity<'_>) -> String {
    let name = settings.host_name.as_deref().unwrap_or(identity.vm_name);
    let name: String = name
        .split('.')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(MOST_NAME)
        .collect();
    if name.is_empty() {
        "*".to_owned()
    } else {
        name
    }
}

/// Windows' name for a zone: as it was said, or of the zone that was said by its other name.
fn zone(settings: &Initialization) -> &str {
    let said = settings.timezone.as_deref().unwrap_or("GMT Standard Time");
    time_zone::windows_name(said).unwrap_or(said)
}

fn user(settings: &Initialization) -> &str {
    settings.user_name.as_deref().unwrap_or("Administrator")
}

fn password(settings: &Initialization) -> &str {
    settings
        .root_password
        .as_ref()
        .map_or("", crate::model::Hidden::expose)
}

/// A value in quotation marks; what would end it is left out.
fn plain(text: &str) -> String {
    let clean: String = text
        .chars()
        .filter(|c| *c != '"' && !c.is_control())
        .collect();
    format!("\"{clean}\"")
}

fn inf(settings: &Initialization, identity: Identity<'_>) -> String {
    let mut text = String::from(
        "[Unattended]\r\nOemSkipEula=Yes\r\nInstallFilesPath=\"\\sysprep\\i386\"\r\n\r\n[GuiUnattended]\r\n",
    );
    let password = match password(settings) {
        "" => "*".to_owned(),
        password => plain(password),
    };
    let _ = write!(
        text,
        "AdminPassword={password}\r\nEncryptedAdminPassword=NO\r\nOEMSkipRegional=1\r\n\
         OEMSkipWelcome=1\r\nTimeZone={}\r\n\r\n[UserData]\r\n",
        time_zone::windows_index(zone(settings)).unwrap_or(85)
    );
    if let Some(key) = &settings.windows_license_key {
        let _ = write!(text, "ProductKey={}\r\n", plain(key.expose()));
    }
    let _ = write!(
        text,
        "FullName={}\r\nOrgName={}\r\nComputerName={}\r\n\r\n[LicenseFilePrintData]\r\n\
         AutoMode=PerServer\r\nAutoUsers=5\r\n\r\n[Identification]\r\n",
        plain(user(settings)),
        plain(settings.org_name.as_deref().unwrap_or("oVirt")),
        plain(&computer_name(settings, identity)),
    );
    match &settings.domain {
        Some(domain) => {
            let _ = write!(
                text,
                "JoinDomain={}\r\nDomainAdmin={}\r\nDomainAdminPassword={}\r\n",
                plain(domain),
                plain(user(settings)),
                password
            );
            if let Some(unit) = &settings.active_directory_ou {
                let _ = write!(text, "MachineObjectOU={}\r\n", plain(unit));
            }
        }
        None => text.push_str("JoinWorkgroup=\"WORKGROUP\"\r\n"),
    }
    text.push_str("\r\n[Networking]\r\nInstallDefaultComponents=Yes\r\n");
    text
}

/// Text between tags.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Others cannot be in a document at all.
            c if c.is_control() && !matches!(c, '\n' | '\t') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// A document under construction.
struct Answers {
    text: String,
    processor: &'static str,
}

impl Answers {
    fn value(&mut self, tag: &str, value: &str) {
        let _ = writeln!(self.text, "<{tag}>{}</{tag}>", escaped(value));
    }

    fn component(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        let _ = writeln!(
            self.text,
            "<component name=\"{name}\" processorArchitecture=\"{}\" \
             publicKeyToken=\"31bf3856ad364e35\" language=\"neutral\" versionScope=\"nonSxS\" \
             xmlns:wcm=\"http://schemas.microsoft.com/WMIConfig/2002/State\">",
            self.processor
        );
        fill(self);
        self.text.push_str("</component>\n");
    }

    fn within(&mut self, tag: &str, fill: impl FnOnce(&mut Self)) {
        let name = tag.split(' ').next().unwrap_or(tag);
        let _ = writeln!(self.text, "<{tag}>");
        fill(self);
        let _ = writeln!(self.text, "</{name}>");
    }

    fn locales(&mut self, settings: &Initialization) {
        let or = |value: &Option<String>| value.clone().unwrap_or_else(|| "en-US".to_owned());
        self.value("InputLocale", &or(&settings.input_locale));
        self.value("SystemLocale", &or(&settings.system_locale));
        self.value("UILanguage", &or(&settings.ui_language));
        self.value("UserLocale", &or(&settings.user_locale));
    }
}

fn xml(settings: &Initialization, identity: Identity<'_>, wide: bool) -> String {
    let mut answers = Answers {
        text: String::from(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\n",
        ),
        processor: if wide { "amd64" } else { "x86" },
    };
    let (domain, user, password) = (
        settings.domain.as_deref(),
        user(settings),
        password(settings),
    );
    answers.within("settings pass=\"specialize\"", |it| {
        it.component("Microsoft-Windows-International-Core", |it| {
            it.locales(settings);
        });
        it.component("Microsoft-Windows-Shell-Setup", |it| {
            it.value("ComputerName", &computer_name(settings, identity));
            if let Some(key) = &settings.windows_license_key {
                it.value("ProductKey", key.expose());
            }
            let organization = settings.org_name.as_deref().unwrap_or("oVirt");
            it.value("RegisteredOrganization", organization);
            it.value("RegisteredOwner", user);
            it.value("TimeZone", zone(settings));
        });
        if let Some(domain) = domain {
            it.component("Microsoft-Windows-UnattendedJoin", |it| {
                it.within("Identification", |it| {
                    it.within("Credentials", |it| {
                        it.value("Domain", domain);
                        it.value("Username", user);
                        it.value("Password", password);
                    });
                    it.value("JoinDomain", domain);
                    if let Some(unit) = &settings.active_directory_ou {
                        it.value("MachineObjectOU", unit);
                    }
                });
            });
        }
        interfaces(it, settings);
    });
    answers.within("settings pass=\"oobeSystem\"", |it| {
        it.component("Microsoft-Windows-International-Core", |it| {
            it.locales(settings);
        });
        it.component("Microsoft-Windows-Shell-Setup", |it| {
            it.within("OOBE", |it| {
                it.value("HideEULAPage", "true");
                it.value("NetworkLocation", "Work");
                it.value("ProtectYourPC", "1");
            });
            if !password.is_empty() {
                it.within("UserAccounts", |it| {
                    it.within("AdministratorPassword", |it| {
                        it.value("Value", password);
                        it.value("PlainText", "true");
                    });
                });
            }
        });
    });
    answers.text.push_str("</unattend>\n");
    answers.text
}

/// Fixed addresses and name servers.
fn interfaces(it: &mut Answers, settings: &Initialization) {
    let nics = settings.nic_configurations.as_deref().unwrap_or_default();
    let fixed: Vec<_> = nics
        .iter()
        .filter(|nic| nic.ipv4.source == AddressSource::Static)
        .collect();
    if fixed.is_empty() {
        return;
    }
    it.component("Microsoft-Windows-TCPIP", |it| {
        it.within("Interfaces", |it| {
            for nic in fixed {
                it.within("Interface wcm:action=\"add\"", |it| {
                    it.value("Identifier", &nic.name);
                    it.within("Ipv4Settings", |it| it.value("DhcpEnabled", "false"));
                    if let Some(address) = super::cloud_init::with_prefix(&nic.ipv4) {
                        it.within("UnicastIpAddresses", |it| {
                            let tag = "IpAddress wcm:action=\"add\" wcm:keyValue=\"1\"";
                            let _ = writeln!(it.text, "<{tag}>{}</IpAddress>", escaped(&address));
                        });
                    }
                    if let Some(gateway) = &nic.ipv4.gateway {
                        it.within("Routes", |it| {
                            it.within("Route wcm:action=\"add\"", |it| {
                                it.value("Identifier", "1");
                                it.value("Prefix", "0.0.0.0/0");
                                it.value("NextHopAddress", gateway);
                            });
                        });
                    }
                });
            }
        });
    });
    let servers = settings.dns_servers.as_deref().unwrap_or_default();
    let servers: Vec<&str> = servers
        .split([' ', ','])
        .filter(|it| !it.is_empty())
        .collect();
    if servers.is_empty() {
        return;
    }
    it.component("Microsoft-Windows-DNS-Client", |it| {
        it.within("Interfaces", |it| {
            for nic in nics {
                it.within("Interface wcm:action=\"add\"", |it| {
                    it.value("Identifier", &nic.name);
                    it.within("DNSServerSearchOrder", |it| {
                        for (number, server) in (1..).zip(&servers) {
                            let tag =
                                format!("IpAddress wcm:action=\"add\" wcm:keyValue=\"{number}\"");
                            let _ = writeln!(it.text, "<{tag}>{}</IpAddress>", escaped(server));
                        }
                    });
                });
            }
        });
    });
}
