//! A request as a proxy describes it.

use countersign::domain::forward_auth::Original;
use percent_encoding::percent_decode_str;
use url::Url;

/// Method, scheme, host and target, a line each. What passes is what another reader of URLs makes of it, too.
pub fn original(input: &[u8]) -> bool {
    let Ok(input) = std::str::from_utf8(input) else {
        return false;
    };
    let mut lines = input.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, scheme, host, target) = (line(), line(), line(), line());
    let Ok(read) = Original::read(method, scheme, host, target) else {
        return false;
    };
    for segment in &read.segments {
        assert!(segment != "." && segment != "..", "{segment:?}");
        let odd = |c: char| c.is_control() || matches!(c, '/' | '\\' | ';');
        assert!(!segment.contains(odd), "{segment:?}");
    }
    // A host may be one that nobody has; then nobody's routes fit it.
    let Ok(url) = Url::parse(&read.url) else {
        return true;
    };
    assert_eq!(url.scheme(), scheme);
    let theirs: Vec<String> = url
        .path_segments()
        .into_iter()
        .flatten()
        .map(|it| percent_decode_str(it).decode_utf8_lossy().into_owned())
        .collect();
    assert_eq!(theirs, read.segments, "{}", read.url);
    true
}
