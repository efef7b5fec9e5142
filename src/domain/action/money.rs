//! Amounts of money: exact, in a currency, never a float.
//!
//! On the wire an amount is `{"amount": "123.45", "currency": "EUR"}`. Of all the ways people and
//! programs write numbers only one is taken, because `1.000`, `1e3` and `١٠٠٠` each mean
//! something else to somebody.

use std::fmt;

use serde_json::Value;

/// One unit of a currency, in the parts we count in.
const UNIT: i128 = 100_000_000;
const PLACES: usize = 8;

/// ISO 4217: the currencies of countries, with the decimals each is usually written with.
/// Precious metals, funds and codes for testing are left out: nobody is paid in them.
#[rustfmt::skip]
const CURRENCIES: [(&str, usize); 155] = [
    ("AED", 2), ("AFN", 2), ("ALL", 2), ("AMD", 2), ("AOA", 2), ("ARS", 2), ("AUD", 2), ("AWG", 2),
    ("AZN", 2), ("BAM", 2), ("BBD", 2), ("BDT", 2), ("BHD", 3), ("BIF", 0), ("BMD", 2), ("BND", 2),
    ("BOB", 2), ("BRL", 2), ("BSD", 2), ("BTN", 2), ("BWP", 2), ("BYN", 2), ("BZD", 2), ("CAD", 2),
    ("CDF", 2), ("CHF", 2), ("CLP", 0), ("CNY", 2), ("COP", 2), ("CRC", 2), ("CUP", 2), ("CVE", 2),
    ("CZK", 2), ("DJF", 0), ("DKK", 2), ("DOP", 2), ("DZD", 2), ("EGP", 2), ("ERN", 2), ("ETB", 2),
    ("EUR", 2), ("FJD", 2), ("FKP", 2), ("GBP", 2), ("GEL", 2), ("GHS", 2), ("GIP", 2), ("GMD", 2),
    ("GNF", 0), ("GTQ", 2), ("GYD", 2), ("HKD", 2), ("HNL", 2), ("HTG", 2), ("HUF", 2), ("IDR", 2),
    ("ILS", 2), ("INR", 2), ("IQD", 3), ("IRR", 2), ("ISK", 0), ("JMD", 2), ("JOD", 3), ("JPY", 0),
    ("KES", 2), ("KGS", 2), ("KHR", 2), ("KMF", 0), ("KPW", 2), ("KRW", 0), ("KWD", 3), ("KYD", 2),
    ("KZT", 2), ("LAK", 2), ("LBP", 2), ("LKR", 2), ("LRD", 2), ("LSL", 2), ("LYD", 3), ("MAD", 2),
    ("MDL", 2), ("MGA", 2), ("MKD", 2), ("MMK", 2), ("MNT", 2), ("MOP", 2), ("MRU", 2), ("MUR", 2),
    ("MVR", 2), ("MWK", 2), ("MXN", 2), ("MYR", 2), ("MZN", 2), ("NAD", 2), ("NGN", 2), ("NIO", 2),
    ("NOK", 2), ("NPR", 2), ("NZD", 2), ("OMR", 3), ("PAB", 2), ("PEN", 2), ("PGK", 2), ("PHP", 2),
    ("PKR", 2), ("PLN", 2), ("PYG", 0), ("QAR", 2), ("RON", 2), ("RSD", 2), ("RUB", 2), ("RWF", 0),
    ("SAR", 2), ("SBD", 2), ("SCR", 2), ("SDG", 2), ("SEK", 2), ("SGD", 2), ("SHP", 2), ("SLE", 2),
    ("SOS", 2), ("SRD", 2), ("SSP", 2), ("STN", 2), ("SVC", 2), ("SYP", 2), ("SZL", 2), ("THB", 2),
    ("TJS", 2), ("TMT", 2), ("TND", 3), ("TOP", 2), ("TRY", 2), ("TTD", 2), ("TWD", 2), ("TZS", 2),
    ("UAH", 2), ("UGX", 0), ("USD", 2), ("UYU", 2), ("UZS", 2), ("VED", 2), ("VES", 2), ("VND", 0),
    ("VUV", 0), ("WST", 2), ("XAF", 0), ("XCD", 2), ("XCG", 2), ("XOF", 0), ("XPF", 0), ("YER", 2),
    ("ZAR", 2), ("ZMW", 2), ("ZWG", 2),
];

/// A currency of ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency {
    code: &'static str,
    decimals: usize,
}

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    parts: i128,
    currency: Currency,
}

/// Why something is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not an object with the strings `amount` and `currency`.
    #[error("money is an object with the strings amount and currency")]
    Shape,
    /// Not a plain decimal.
    #[error("an amount is a plain decimal such as 1234.50")]
    Amount,
    /// Not in ISO 4217.
    #[error("a currency is a code of ISO 4217 such as EUR")]
    Currency,
}

impl Currency {
    /// Finds a currency by its code, in capitals.
    pub fn read(code: &str) -> Result<Self, MoneyError> {
        let found = CURRENCIES.binary_search_by_key(&code, |(known, _)| known);
        let (code, decimals) = found
            .map(|at| CURRENCIES[at])
            .map_err(|_| MoneyError::Currency)?;
        Ok(Self { code, decimals })
    }

    /// The three letters.
    pub fn code(self) -> &'static str {
        self.code
    }
}

impl Money {
    /// Reads `{"amount": "…", "currency": "…"}`. Whether other members are welcome is for the
    /// schema to say.
    pub fn from_value(value: &Value) -> Result<Self, MoneyError> {
        let member = |name| {
            value
                .get(name)
                .and_then(Value::as_str)
                .ok_or(MoneyError::Shape)
        };
        Self::read(member("amount")?, member("currency")?)
    }

    /// Reads an amount and a currency.
    pub fn read(amount: &str, currency: &str) -> Result<Self, MoneyError> {
        Ok(Self {
            parts: decimal(amount)?,
            currency: Currency::read(currency)?,
        })
    }

    /// Reads what a person typed or what [`Money`] prints, where the currency is settled:
    /// `250`, `1,250.00`, `€250.00`, `250.00 CHF`.
    pub fn typed(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let text = text.trim();
        let bare = currency
            .symbol()
            .and_then(|symbol| text.strip_prefix(symbol))
            .or_else(|| text.strip_prefix(currency.code))
            .or_else(|| text.strip_suffix(currency.code))
            .unwrap_or(text)
            .trim();
        Ok(Self {
            parts: decimal(&ungrouped(bare)?)?,
            currency,
        })
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether this is the same currency and no more than `ceiling`.
    pub fn within(self, ceiling: Self) -> bool {
        self.currency == ceiling.currency && self.parts <= ceiling.parts
    }

    /// Whether it is nothing at all.
    pub fn is_zero(self) -> bool {
        self.parts == 0
    }

    /// The amount as on the wire, with the currency's usual decimals or as many as it needs.
    pub fn amount(self) -> String {
        let (whole, fraction) = self.split();
        if fraction.is_empty() {
            whole
        } else {
            format!("{whole}.{fraction}")
        }
    }

    /// The value as on the wire.
    pub fn to_value(self) -> Value {
        serde_json::json!({ "amount": self.amount(), "currency": self.currency.code })
    }

    fn split(self) -> (String, String) {
        let whole = (self.parts / UNIT).to_string();
        let digits = format!("{:0PLACES$}", self.parts % UNIT);
        let needed = digits
            .trim_end_matches('0')
            .len()
            .max(self.currency.decimals);
        (whole, digits[..needed].to_owned())
    }
}

/// As an English page writes it: `€240.00`, `1,234.00 CHF`. Never rounded.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = self.split();
        let point = if fraction.is_empty() { "" } else { "." };
        let whole = grouped(&whole);
        match self.currency.symbol() {
            Some(symbol) => write!(f, "{symbol}{whole}{point}{fraction}"),
            None => write!(f, "{whole}{point}{fraction} {}", self.currency.code),
        }
    }
}

impl Currency {
    /// Only signs that mean one currency to everybody who reads English.
    fn symbol(self) -> Option<&'static str> {
        match self.code {
            "EUR" => Some("€"),
            "GBP" => Some("£"),
            "USD" => Some("$"),
            _ => None,
        }
    }
}

/// `^(0|[1-9][0-9]{0,11})(\.[0-9]{1,8})?$`, in hundred-millionths.
fn decimal(text: &str) -> Result<i128, MoneyError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(MoneyError::Amount),
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let plain = (1..=12).contains(&whole.len())
        && fraction.len() <= PLACES
        && digits(whole)
        && digits(fraction)
        && (whole == "0" || !whole.starts_with('0'));
    if !plain {
        return Err(MoneyError::Amount);
    }
    let parts = format!("{whole}{fraction:0<PLACES$}");
    parts.parse().map_err(|_| MoneyError::Amount)
}

/// Puts a comma after each third digit from the right.
pub(crate) fn grouped(whole: &str) -> String {
    let first = whole.len() % 3;
    let mut out = String::with_capacity(whole.len() + whole.len() / 3);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && at % 3 == first {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Takes the commas out, if they are where they belong.
fn ungrouped(text: &str) -> Result<String, MoneyError> {
    let (whole, rest) = text.find('.').map_or((text, ""), |at| text.split_at(at));
    let bare = whole.replace(',', "");
    let right = bare == whole || (bare.is_ascii() && grouped(&bare) == whole);
    if right {
        Ok(format!("{bare}{rest}"))
    } else {
        Err(MoneyError::Amount)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn euro(amount: &str) -> Money {
        Money::read(amount, "EUR").unwrap()
    }

    #[test]
    fn an_amount_is_shown_in_the_way_of_its_currency_and_never_rounded() {
        let show = |amount, currency| Money::read(amount, currency).unwrap().to_string();
        assert_eq!(show("240", "EUR"), "€240.00");
        assert_eq!(show("1234.00", "CHF"), "1,234.00 CHF");
        assert_eq!(show("1234567.1", "USD"), "$1,234,567.10");
        assert_eq!(show("1500", "JPY"), "1,500 JPY");
        assert_eq!(show("1.5", "KWD"), "1.500 KWD");
        assert_eq!(show("0.00000001", "EUR"), "€0.00000001");
        assert_eq!(show("10.001", "EUR"), "€10.001");
        assert_eq!(
            show("999999999999.99999999", "EUR"),
            "€999,999,999,999.99999999"
        );
    }

    #[test]
    fn sec_a12_only_plain_decimals_are_amounts() {
        for amount in [
            "1e6",
            "1E400",
            "-0",
            "-1",
            "+1",
            "10.00000000000000001",
            "10.0000000000000001",
            "١٠٠",
            "1,000",
            "1.000.000",
            "01",
            "00",
            "",
            ".",
            ".5",
            "5.",
            " 1",
            "1 ",
            "1_000",
            "0x10",
            "NaN",
            "Infinity",
            "1234567890123",
            "１２",
            "1\u{200b}0",
            "1.123456789",
        ] {
            assert_eq!(
                Money::read(amount, "EUR"),
                Err(MoneyError::Amount),
                "{amount}"
            );
        }
        for currency in [
            "USDT", "eur", "EURO", "", "EU", "XXX", "XTS", "BTC", "€", "EUR ",
        ] {
            assert_eq!(
                Money::read("1", currency),
                Err(MoneyError::Currency),
                "{currency}"
            );
        }
    }

    #[test]
    fn sec_a12_money_is_two_strings() {
        for value in [
            json!(12),
            json!("12"),
            json!({}),
            json!({"amount": 12, "currency": "EUR"}),
            json!({"amount": "12"}),
            json!({"amount": "12", "currency": null}),
        ] {
            assert_eq!(Money::from_value(&value), Err(MoneyError::Shape), "{value}");
        }
    }

    #[test]
    fn a_ceiling_holds_for_its_own_currency_only() {
        assert!(euro("250").within(euro("250.00")));
        assert!(euro("249.99999999").within(euro("250")));
        assert!(!euro("250.00000001").within(euro("250")));
        assert!(!euro("1").within(Money::read("250", "USD").unwrap()));
    }

    #[test]
    fn a_person_may_type_commas_where_they_belong() {
        let typed = |text| Money::typed(text, Currency::read("EUR").unwrap());
        assert_eq!(typed(" €1,250.00 "), Ok(euro("1250")));
        assert_eq!(typed("1250"), Ok(euro("1250")));
        assert_eq!(typed("250 EUR"), Ok(euro("250")));
        assert_eq!(typed("EUR 250"), Ok(euro("250")));
        for text in [
            "1,25", "12,50.00", ",250", "$250", "250 USD", "1.250,00", "abc", "é",
        ] {
            assert!(typed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_list_of_currencies_is_sorted_and_plain() {
        assert!(CURRENCIES.is_sorted());
        assert!(CURRENCIES.iter().all(|(code, places)| {
            code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) && *places <= 4
        }));
    }

    proptest! {
        #[test]
        fn sec_a12_what_is_shown_reads_back_as_the_same_amount(
            parts in 0..UNIT * 1_000_000_000_000, at in 0..CURRENCIES.len()
        ) {
            let currency = Currency::read(CURRENCIES[at].0).unwrap();
            let money = Money { parts, currency };
            prop_assert_eq!(Money::typed(&money.to_string(), currency), Ok(money));
            prop_assert_eq!(Money::from_value(&money.to_value()), Ok(money));
        }

        #[test]
        fn sec_a12_amounts_compare_as_the_numbers_they_are(
            a in 0..UNIT * 1_000_000, b in 0..UNIT * 1_000_000
        ) {
            let currency = Currency::read("EUR").unwrap();
            let (less, more) = (Money { parts: a, currency }, Money { parts: b, currency });
            prop_assert_eq!(less.within(more), a <= b);
        }
    }
}
