//! From the text of a query to what it asks.
//!
//! ```text
//! query := [ term { [and|or] term } ] [ "sortby" field [asc|desc] ] [ "page" N ]
//! term  := [prefix "."] field rel value | prefix rel value | value
//! ```
//! `and` binds tighter than `or`; terms side by side are joined by `and`, last of all.

use super::field::{Collection, Kind};

/// Longest query, in bytes.
const LONGEST: usize = 8192;
/// Most terms of a query.
const TERMS: usize = 200;

/// What a query asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Query {
    /// All of these must hold; of each, any; of each of those, all.
    pub(super) groups: Vec<Vec<Vec<Term>>>,
    pub(super) sort: Option<Sort>,
    /// From 1.
    pub(super) page: Option<usize>,
}

/// The order of the answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sort {
    pub(super) field: &'static str,
    pub(super) descending: bool,
}

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term {
    pub(super) subject: Subject,
    pub(super) relation: Relation,
    pub(super) value: String,
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Any text of the object itself.
    Anything,
    /// A field of the object itself.
    Own(&'static str),
    /// A field of something that the object is related to.
    Of(Collection, &'static str),
    /// Any text of something that the object is related to.
    Any(Collection),
}

/// How a field is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    Greater,
    AtMost,
    AtLeast,
}

impl Relation {
    fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::Greater => ">",
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Relation(Relation),
}

impl Token {
    fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

/// Reads a query against a collection's table; the error is a sentence.
pub(super) fn parse(collection: Collection, text: &str) -> Result<Query, String> {
    if text.len() > LONGEST {
        return Err(format!("The search query is longer than {LONGEST} bytes."));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser {
        collection,
        tokens: &tokens,
        at: 0,
        terms: 0,
        free_text: false,
    };
    parser.query()
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let token = match letter {
            letter if letter.is_whitespace() => continue,
            '\'' | ';' => {
                return Err(format!(
                    "The search query must not contain the character {letter}"
                ));
            }
            '=' => Token::Relation(Relation::Equal),
            '!' if letters.peek() == Some(&'=') => {
                letters.next();
                Token::Relation(Relation::NotEqual)
            }
            '<' | '>' => {
                let equal = letters.next_if_eq(&'=').is_some();
                Token::Relation(match (letter, equal) {
                    ('<', false) => Relation::Less,
                    ('<', true) => Relation::AtMost,
                    (_, false) => Relation::Greater,
                    (_, true) => Relation::AtLeast,
                })
            }
            '"' => {
                let mut value = String::new();
                loop {
                    match letters.next() {
                        Some('"') => break,
                        Some('\'' | ';') | None => {
                            return Err("A quotation in the search query does not end.".to_owned());
                        }
                        Some(letter) => value.push(letter),
                    }
                }
                Token::Quoted(value)
            }
            letter => {
                let mut word = String::from(letter);
                while let Some(letter) = letters.next_if(|letter| {
                    !letter.is_whitespace()
                        && !matches!(letter, '=' | '<' | '>' | '"' | '!' | '\'' | ';')
                }) {
                    word.push(letter);
                }
                // An exclamation mark belongs to a word unless it begins `!=`.
                while letters.peek() == Some(&'!') {
                    let mut ahead = letters.clone();
                    ahead.next();
                    if ahead.peek() == Some(&'=') {
                        break;
                    }
                    word.extend(letters.next());
                    while let Some(letter) = letters.next_if(|letter| {
                        !letter.is_whitespace()
                            && !matches!(letter, '=' | '<' | '>' | '"' | '!' | '\'' | ';')
                    }) {
                        word.push(letter);
                    }
                }
                Token::Word(word)
            }
        };
        tokens.push(token);
    }
    Ok(tokens)
}

struct Parser<'a> {
    collection: Collection,
    tokens: &'a [Token],
    at: usize,
    terms: usize,
    free_text: bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn relation_follows(&self) -> bool {
        matches!(self.tokens.get(self.at + 1), Some(Token::Relation(_)))
    }

    /// Whether a keyword is next, and not a field that has its name.
    fn keyword(&mut self, keyword: &str) -> bool {
        let here = self.peek().is_some_and(|token| token.is(keyword)) && !self.relation_follows();
        self.at += usize::from(here);
        here
    }

    fn ends(&self) -> bool {
        self.peek().is_none_or(|token| {
            (token.is("sortby") || token.is("page")) && !self.relation_follows()
        })
    }

    fn query(&mut self) -> Result<Query, String> {
        let mut query = Query::default();
        // Old clients begin with the collection's name and a colon: "Vms: name=x".
        if let Some(Token::Word(word)) = self.peek()
            && let Some(name) = word.strip_suffix(':')
            && self.collection.prefix(name) == Some(self.collection)
        {
            self.at += 1;
        }
        while !self.ends() {
            let group = self.any()?;
            query.groups.push(group);
        }
        if self.keyword("sortby") {
            query.sort = Some(self.sort()?);
        }
        if self.keyword("page") {
            query.page = Some(self.page()?);
        }
        match self.peek() {
            None => Ok(query),
            Some(token) => Err(format!("The search query ends before '{}'.", shown(token))),
        }
    }

    /// Terms joined by `or`.
    fn any(&mut self) -> Result<Vec<Vec<Term>>, String> {
        let mut any = vec![self.all()?];
        while self.keyword("or") {
            any.push(self.all()?);
        }
        Ok(any)
    }

    /// Terms joined by `and`.
    fn all(&mut self) -> Result<Vec<Term>, String> {
        let mut all = vec![self.term()?];
        while self.keyword("and") {
            all.push(self.term()?);
        }
        Ok(all)
    }

    fn term(&mut self) -> Result<Term, String> {
        self.terms += 1;
        if self.terms > TERMS {
            return Err(format!("The search query has more than {TERMS} terms."));
        }
        if self.ends() {
            return Err("The search query ends where a condition should be.".to_owned());
        }
        let Some(token) = self.peek().cloned() else {
            return Err("The search query ends where a condition should be.".to_owned());
        };
        self.at += 1;
        let relation = match self.peek() {
            Some(Token::Relation(relation)) => *relation,
            _ => return self.free(token),
        };
        self.at += 1;
        let Token::Word(name) = &token else {
            return Err(format!("'{}' is no field.", shown(&token)));
        };
        let subject = self.subject(name)?;
        let value = match self.peek() {
            Some(Token::Word(value) | Token::Quoted(value)) => value.clone(),
            _ => {
                return Err(format!(
                    "The value for '{name}' is missing in the search query."
                ));
            }
        };
        self.at += 1;
        let (collection, field) = match subject {
            Subject::Own(field) => (self.collection, Some(field)),
            Subject::Of(collection, field) => (collection, Some(field)),
            Subject::Any(collection) => (collection, None),
            Subject::Anything => (self.collection, None),
        };
        let kind = field.map_or(Kind::Text, |field| collection.kind(field));
        let equality = matches!(relation, Relation::Equal | Relation::NotEqual);
        if kind == Kind::Text && !equality {
            return Err(format!(
                "'{name}' cannot be compared by {}.",
                relation.symbol()
            ));
        }
        let wild = equality && value.contains('*');
        if kind == Kind::Number && !wild && super::evaluate::number(&value).is_none() {
            return Err(format!("'{value}' is no number, which '{name}' needs."));
        }
        if kind == Kind::Time && !wild && super::date::Day::parse(&value).is_none() {
            return Err(format!("'{value}' is no date, which '{name}' needs."));
        }
        Ok(Term {
            subject,
            relation,
            value,
        })
    }

    fn free(&mut self, token: Token) -> Result<Term, String> {
        let value = match token {
            Token::Word(word) => word,
            Token::Quoted(text) => text,
            Token::Relation(relation) => {
                return Err(format!(
                    "The field before {} is missing.",
                    relation.symbol()
                ));
            }
        };
        if self.free_text {
            return Err(format!(
                "'{value}' is no condition: a search query may have one free text."
            ));
        }
        self.free_text = true;
        Ok(Term {
            subject: Subject::Anything,
            relation: Relation::Equal,
            value,
        })
    }

    fn subject(&self, name: &str) -> Result<Subject, String> {
        if let Some((prefix, field)) = name.split_once('.') {
            let Some(target) = self.collection.prefix(prefix) else {
                return Err(format!(
                    "'{prefix}' is no prefix that can be searched by here."
                ));
            };
            if target.is_open() {
                return Ok(Subject::Any(target));
            }
            let Some(field) = target.field(field) else {
                return Err(format!("'{field}' is no field of '{prefix}'."));
            };
            return Ok(if target == self.collection {
                Subject::Own(field)
            } else {
                Subject::Of(target, field)
            });
        }
        if let Some(field) = self.collection.field(name) {
            return Ok(Subject::Own(field));
        }
        match self.collection.prefix(name) {
            Some(target) if target == self.collection => Ok(Subject::Anything),
            Some(target) => Ok(Subject::Any(target)),
            None => Err(format!(
                "'{name}' is no field that can be searched by here."
            )),
        }
    }

    fn sort(&mut self) -> Result<Sort, String> {
        let Some(Token::Word(name)) = self.peek().cloned() else {
            return Err("The field to sort by is missing.".to_owned());
        };
        self.at += 1;
        let own = match name.split_once('.') {
            Some((prefix, field)) if self.collection.prefix(prefix) == Some(self.collection) => {
                field
            }
            _ => &name,
        };
        let Some(field) = self.collection.field(own) else {
            return Err(format!("'{name}' is no field that can be sorted by here."));
        };
        let descending = self.keyword("desc");
        if !descending {
            self.keyword("asc");
        }
        Ok(Sort { field, descending })
    }

    fn page(&mut self) -> Result<usize, String> {
        let number = match self.peek() {
            Some(Token::Word(word)) => word.parse().ok().filter(|page| *page > 0),
            _ => None,
        };
        self.at += 1;
        number.ok_or_else(|| "The number of the page is missing, or is none.".to_owned())
    }
}

fn shown(token: &Token) -> &str {
    match token {
        Token::Word(text) | Token::Quoted(text) => text,
        Token::Relation(relation) => relation.symbol(),
    }
}
