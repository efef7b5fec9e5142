use super::*;

fn read(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    from(Some((Path::new("c.toml"), file)), variables)
}

fn only_problem(result: Result<Config, ConfigError>) -> Problem {
    let mut problems = result.unwrap_err().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

#[test]
fn the_default_file_is_the_default() {
    let config = read("", &[]).unwrap();
    let settings = Settings::default();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8787");
    assert_eq!(config.settings.windows, settings.windows);
    assert_eq!(config.settings.interval, settings.interval);
    assert_eq!(config.settings.limits, settings.limits);
    assert_eq!(config.settings.sessions, settings.sessions);
    assert_eq!(config.settings.name, settings.name);
    assert_eq!(
        config.settings.sign_in_link_life,
        settings.sign_in_link_life
    );
    assert!(matches!(config.mail, Mail::Off));
}

#[test]
fn a_variable_wins_over_the_file_and_the_file_over_the_default() {
    let file = "listen = \"127.0.0.1:1\"\ninterval = \"7s\"\n[limits]\nwaiting_per_person = 3\n";
    let variables = [
        ("COUNTERSIGN_LISTEN", "127.0.0.1:2"),
        ("COUNTERSIGN_LIMITS_WAITING_PER_PERSON", "4"),
        ("PATH", "/bin"),
    ];
    let config = read(file, &variables).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.settings.interval, Duration::seconds(7));
    assert_eq!(config.settings.limits.waiting_per_person, 4);
}

#[test]
fn an_unknown_name_is_an_error_that_says_which_was_meant() {
    let problem = only_problem(read("\npublic_ulr = \"https://a.example\"", &[]));
    assert_eq!(problem.place, "c.toml:2");
    assert!(problem.fix.contains("\"public_url\""), "{problem}");
    let problem = only_problem(read("[limits]\nwaiting = 3", &[]));
    assert!(problem.cause.contains("limits.waiting"), "{problem}");
    let problem = only_problem(read("", &[("COUNTERSIGN_LISTN", "127.0.0.1:1")]));
    assert!(problem.fix.contains("COUNTERSIGN_LISTEN?"), "{problem}");
    assert!(read("", &[("COUNTERSIGN_CLIENT_ID", "a")]).is_ok());
}

#[test]
fn every_value_is_bounded_and_every_fault_is_told() {
    let file = "listen = \"here\"\ninterval = 5\npublic_url = \"https://a.example/path\"\n\
                [window]\nlongest = \"31d\"\n[limits]\nwaiting_per_person = -1\n";
    let problems = read(file, &[]).unwrap_err().problems;
    let told = |name: &str| {
        problems
            .iter()
            .any(|problem| problem.cause.starts_with(name))
    };
    for name in [
        "listen",
        "interval",
        "public_url",
        "window.longest",
        "limits.waiting_per_person",
    ] {
        assert!(told(name), "{name}: {problems:?}");
    }
}

#[test]
fn the_public_url_is_a_scheme_a_host_and_nothing_more() {
    let url = |text: &str| read("", &[("COUNTERSIGN_PUBLIC_URL", text)]);
    let read = url("https://Ask.Example/").unwrap().public_url;
    assert_eq!(read.as_deref(), Some("https://ask.example"));
    for wrong in [
        "ask.example",
        "ftp://a.example",
        "https://u@a.example",
        "https://a.example/?x",
        "https://a.example/#x",
    ] {
        assert!(url(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn sec_i02_a_fault_never_shows_a_password() {
    let variables = [
        ("COUNTERSIGN_SMTP_URL", "smtps://u:hunter2@mail.example"),
        ("COUNTERSIGN_LISTEN", "here"),
    ];
    let error = read("", &variables).unwrap_err().to_string();
    assert!(
        error.contains("mail_from") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn a_secret_can_come_from_a_file_and_from_one_place_only() {
    let dir = std::env::temp_dir().join(format!("cs-config-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("url");
    std::fs::write(&path, "postgres://u:p@h/d\n").unwrap();
    let path = path.to_str().unwrap();
    let config = read("", &[("COUNTERSIGN_DATABASE_URL_FILE", path)]).unwrap();
    let url = config.database_url.unwrap();
    assert_eq!(
        secrecy::ExposeSecret::expose_secret(&url),
        "postgres://u:p@h/d"
    );
    let both = [
        ("COUNTERSIGN_DATABASE_URL_FILE", path),
        ("COUNTERSIGN_DATABASE_URL", "sqlite:///x"),
    ];
    assert!(read("", &both).is_err());
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_master_key_is_made_once_and_for_nobody_else_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = std::env::temp_dir().join(format!("cs-master-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let find = |may_make| master_key::find(None, &dir, may_make, || Some([7; 32]));
    assert!(find(false).is_err());
    let made = find(true).unwrap();
    assert!(made.made && !find(false).unwrap().made);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&made.path), 0o600);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);

    std::fs::set_permissions(&made.path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let problem = find(true).unwrap_err().to_string();
    assert!(problem.contains("chmod 600"), "{problem}");
    std::fs::set_permissions(&made.path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&made.path, "too short").unwrap();
    assert!(find(true).is_err());
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn sec_i16_a_second_server_on_one_database_is_refused_and_named() {
    let dir = std::env::temp_dir().join(format!("cs-lock-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let database = dir.join("countersign.db");
    let first = data_dir::lock(&database).unwrap();
    let refused = data_dir::lock(&database).unwrap_err().to_string();
    assert!(
        refused.contains(&std::process::id().to_string()),
        "{refused}"
    );
    drop(first);
    assert!(data_dir::lock(&database).is_ok());
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_database_in_memory_or_of_another_kind_is_refused() {
    let dir = std::env::temp_dir();
    for url in [
        "sqlite::memory:",
        "sqlite://",
        "mysql://h/d",
        "countersign.db",
    ] {
        let url = SecretString::from(url.to_owned());
        assert!(data_dir::prepare(Some(&dir), Some(&url)).is_err());
    }
    let place = data_dir::prepare(Some(&dir), None).unwrap();
    assert_eq!(place.file, Some(dir.join("countersign.db")));
}

#[test]
fn proxies_are_networks_or_addresses_and_never_everybody() {
    let proxies = |value| {
        let config = read("", &[("COUNTERSIGN_TRUSTED_PROXIES", value)]);
        let networks = config?.settings.trusted_proxies;
        let written: Vec<String> = networks.iter().map(ToString::to_string).collect();
        Ok::<_, ConfigError>(written.join(" "))
    };
    assert_eq!(proxies("").unwrap(), "");
    let named = proxies("10.1.2.3/8, fd00::/8,192.0.2.7, ::ffff:172.16.0.0/108").unwrap();
    assert_eq!(named, "10.0.0.0/8 fd00::/8 192.0.2.7/32 172.16.0.0/12");
    let many = vec!["10.0.0.1"; 65].join(",");
    for wrong in ["proxy.lan", "10.0.0.0/33", "0.0.0.0/0", "::/0", "*", &many] {
        let problems = proxies(wrong).unwrap_err().problems;
        assert!(problems[0].cause.starts_with("trusted_proxies"), "{wrong}");
    }
}

#[test]
fn hint_issuers_are_pairs_of_addresses() {
    let issuers = |value| {
        let config = read("", &[("COUNTERSIGN_HINT_ISSUERS", value)]);
        Ok::<_, ConfigError>(config?.settings.hint_issuers)
    };
    assert!(issuers("").unwrap().is_empty());
    let two =
        issuers("https://a.example https://a.example/jwks,https://b.example  https://b.example/k");
    let two = two.unwrap();
    assert_eq!(two[1].issuer, "https://b.example");
    assert_eq!(two[1].jwks_uri, "https://b.example/k");
    for wrong in [
        "https://a.example",
        "a b",
        "https://a.example ftp://a.example/jwks",
    ] {
        let problems = issuers(wrong).unwrap_err().problems;
        assert!(problems[0].cause.starts_with("hint_issuers"), "{wrong}");
    }
}

#[test]
fn hosts_of_documents_are_names_and_none_unless_said() {
    let hosts = |value| {
        let config = read("", &[("COUNTERSIGN_CLIENT_ID_METADATA_DOCUMENTS", value)]);
        Ok::<_, ConfigError>(config?.settings.client_documents)
    };
    assert!(hosts("").unwrap().is_empty());
    let listed = hosts("agents.example, *.acme.example").unwrap();
    assert!(listed.include("a.acme.example"));
    let problems = hosts("https://agents.example").unwrap_err().problems;
    assert!(
        problems[0]
            .cause
            .starts_with("client_id_metadata_documents")
    );
}

#[test]
fn a_host_for_certificates_is_an_address_where_certificates_reach_us() {
    let host = |value, more: &[(&str, &str)]| {
        let mut given = vec![("COUNTERSIGN_MTLS_PUBLIC_URL", value)];
        given.extend_from_slice(more);
        Ok::<_, ConfigError>(read("", &given)?.settings.mtls_url)
    };
    let proxy = [
        ("COUNTERSIGN_CLIENT_CERT_HEADER", "believe"),
        ("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1"),
    ];
    assert_eq!(host("", &[]).unwrap(), None);
    let mtls = host("https://mtls.example.com/", &proxy).unwrap();
    assert_eq!(mtls.as_deref(), Some("https://mtls.example.com"));
    for (wrong, more) in [
        ("https://mtls.example.com", &[][..]),
        ("mtls.example.com", &proxy),
        ("https://mtls.example.com/oauth", &proxy),
    ] {
        let problems = host(wrong, more).unwrap_err().problems;
        assert!(problems[0].cause.starts_with("mtls_public_url"), "{wrong}");
    }
}
