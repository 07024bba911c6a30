//! Random programs, and an evaluator that tries every value for every variable.

use std::collections::{BTreeMap, BTreeSet};

/// By relation and row, the height of the lowest proof.
pub(crate) type Heights = BTreeMap<(usize, Vec<i64>), usize>;

/// Values are 0 to DOMAIN - 1.
pub(crate) const DOMAIN: i64 = 5;

#[derive(Debug, Clone)]
pub(crate) enum Term {
    Var(usize),
    Const(i64),
    Any,
}

#[derive(Debug, Clone)]
pub(crate) enum Literal {
    Atom {
        negated: bool,
        rel: usize,
        args: Vec<Term>,
    },
    Compare {
        op: &'static str,
        left: Term,
        right: Term,
    },
    /// `to = (from + by) % DOMAIN`
    Step {
        to: usize,
        from: usize,
        by: i64,
    },
    /// `out = count : { rel(args) }`; variables from `local` on are its own.
    Count {
        out: usize,
        rel: usize,
        args: Vec<Term>,
        local: usize,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub head: usize,
    pub args: Vec<Term>,
    pub body: Vec<Literal>,
    pub vars: usize,
}

/// Relations are numbered: the first `base` ones are facts.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    pub arities: Vec<usize>,
    pub base: usize,
    pub facts: Vec<BTreeSet<Vec<i64>>>,
    pub rules: Vec<Rule>,
}

/// A stream of numbers that depends on its seed alone.
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }
}

pub(crate) fn name(rel: usize) -> String {
    format!("r{rel}")
}

fn shown(term: &Term) -> String {
    match term {
        Term::Var(var) => format!("x{var}"),
        Term::Const(value) => value.to_string(),
        Term::Any => "_".to_owned(),
    }
}

fn atom(rel: usize, args: &[Term]) -> String {
    let args: Vec<String> = args.iter().map(shown).collect();
    format!("{}({})", name(rel), args.join(", "))
}

impl Random {
    pub(crate) fn roll(dice: &mut Dice) -> Self {
        let base = 2 + dice.roll(2);
        let derived = 2 + dice.roll(4);
        let arities: Vec<usize> = (0..base + derived).map(|_| 1 + dice.roll(3).min(2)).collect();
        let facts = (0..base)
            .map(|rel| {
                let rows = 1 + dice.roll(9);
                (0..rows).map(|_| (0..arities[rel]).map(|_| dice.roll(DOMAIN as usize) as i64).collect()).collect()
            })
            .collect();
        let mut random = Self { arities, base, facts, rules: Vec::new() };
        for head in base..base + derived {
            for _ in 0..1 + dice.roll(3) {
                let rule = random.rule(head, dice);
                random.rules.push(rule);
            }
        }
        random
    }

    /// Levels of two relations recur into each other; what is negated or counted is of a lower level.
    fn level(&self, rel: usize) -> usize {
        if rel < self.base { 0 } else { 1 + (rel - self.base) / 2 }
    }

    fn rule(&self, head: usize, dice: &mut Dice) -> Rule {
        let level = self.level(head);
        let most = (0..self.arities.len()).filter(|rel| self.level(*rel) <= level).count();
        let below = (0..self.arities.len()).filter(|rel| self.level(*rel) < level).count();
        let mut vars = 0;
        let mut body = Vec::new();
        for _ in 0..1 + dice.roll(3) {
            let rel = dice.roll(most);
            let args = (0..self.arities[rel]).map(|_| match dice.roll(8) {
                0 => Term::Const(dice.roll(DOMAIN as usize) as i64),
                1 => Term::Any,
                2..=4 if vars > 0 => Term::Var(dice.roll(vars)),
                _ if vars < 4 => {
                    vars += 1;
                    Term::Var(vars - 1)
                }
                _ => Term::Var(dice.roll(vars)),
            });
            body.push(Literal::Atom { negated: false, rel, args: args.collect() });
        }
        let bound = |dice: &mut Dice| {
            if vars == 0 { Term::Const(dice.roll(DOMAIN as usize) as i64) } else { Term::Var(dice.roll(vars)) }
        };
        match dice.roll(6) {
            0 => {
                let rel = dice.roll(below);
                let args =
                    (0..self.arities[rel]).map(|_| if dice.roll(3) == 0 { Term::Any } else { bound(dice) }).collect();
                body.push(Literal::Atom { negated: true, rel, args });
            }
            1 => {
                let op = ["<", "<=", "!=", "=", ">"][dice.roll(5)];
                body.push(Literal::Compare { op, left: bound(dice), right: bound(dice) });
            }
            2 if vars > 0 => {
                body.push(Literal::Step { to: vars, from: dice.roll(vars), by: dice.roll(4) as i64 });
                vars += 1;
            }
            3 => {
                let rel = dice.roll(below);
                let local = vars;
                let mut all = vars;
                let args = (0..self.arities[rel])
                    .map(|_| match dice.roll(3) {
                        0 => Term::Any,
                        1 => bound(dice),
                        _ => {
                            all += 1;
                            Term::Var(all)
                        }
                    })
                    .collect();
                body.push(Literal::Count { out: local, rel, args, local: local + 1 });
                vars = all + 1;
                let args = (0..self.arities[head]).map(|_| Term::Var(dice.roll(local + 1))).collect();
                return Rule { head, args, body, vars };
            }
            _ => {}
        }
        let args = (0..self.arities[head])
            .map(|_| {
                if vars == 0 || dice.roll(8) == 0 {
                    Term::Const(dice.roll(DOMAIN as usize) as i64)
                } else {
                    Term::Var(dice.roll(vars))
                }
            })
            .collect();
        if dice.roll(2) == 0 {
            body.reverse();
        }
        Rule { head, args, body, vars }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for rule in &self.rules {
            let body: Vec<String> = rule
                .body
                .iter()
                .map(|literal| match literal {
                    Literal::Atom { negated, rel, args } => {
                        format!("{}{}", if *negated { "!" } else { "" }, atom(*rel, args))
                    }
                    Literal::Compare { op, left, right } => format!("{} {op} {}", shown(left), shown(right)),
                    Literal::Step { to, from, by } => format!("x{to} = (x{from} + {by}) % {DOMAIN}"),
                    Literal::Count { out, rel, args, .. } => format!("x{out} = count : {{ {} }}", atom(*rel, args)),
                })
                .collect();
            text.push_str(&format!("{} :- {}.\n", atom(rule.head, &rule.args), body.join(", ")));
        }
        text
    }

    /// All rows, and for each derived one the height of its lowest proof.
    pub(crate) fn solve(&self) -> (Vec<BTreeSet<Vec<i64>>>, Heights) {
        let mut rows = self.facts.clone();
        rows.resize(self.arities.len(), BTreeSet::new());
        let levels = (0..self.arities.len()).map(|rel| self.level(rel)).max().unwrap_or_default();
        for level in 1..=levels {
            loop {
                let known = rows.clone();
                for rule in self.rules.iter().filter(|rule| self.level(rule.head) == level) {
                    let found = self.apply(rule, &known, &known);
                    rows[rule.head].extend(found);
                }
                if rows == known {
                    break;
                }
            }
        }
        let mut heights = BTreeMap::new();
        let mut lower = self.facts.clone();
        lower.resize(self.arities.len(), BTreeSet::new());
        for height in 1.. {
            let known = lower.clone();
            for rule in &self.rules {
                for row in self.apply(rule, &known, &rows) {
                    heights.entry((rule.head, row.clone())).or_insert(height);
                    lower[rule.head].insert(row);
                }
            }
            if lower == known {
                break;
            }
        }
        (rows, heights)
    }

    fn apply(&self, rule: &Rule, rows: &[BTreeSet<Vec<i64>>], whole: &[BTreeSet<Vec<i64>>]) -> Vec<Vec<i64>> {
        let locals = rule
            .body
            .iter()
            .find_map(|literal| if let Literal::Count { local, .. } = literal { Some(*local) } else { None });
        let free = locals.unwrap_or(rule.vars);
        let mut found = Vec::new();
        let out = locals.map(|local| local - 1);
        let mut values = vec![0; rule.vars];
        // Counts may lie outside of the domain.
        let mut known: BTreeSet<i64> = (0..DOMAIN).collect();
        known.extend(whole.iter().flatten().flatten().copied());
        let known: Vec<i64> = known.into_iter().collect();
        let most = whole.iter().map(BTreeSet::len).max().unwrap_or_default() as i64;
        each(0, free, out.map(|out| (out, most)), &known, &mut values, &mut |values| {
            if rule.body.iter().all(|literal| holds(literal, values, rows, whole)) {
                found.push(rule.args.iter().map(|term| value(term, values)).collect());
            }
        });
        found
    }
}

fn each(
    at: usize,
    free: usize,
    wide: Option<(usize, i64)>,
    known: &[i64],
    values: &mut Vec<i64>,
    visit: &mut impl FnMut(&mut Vec<i64>),
) {
    if at == free {
        visit(values);
        return;
    }
    let counts: Vec<i64> = match wide {
        Some((out, most)) if out == at => (0..=most).collect(),
        _ => known.to_vec(),
    };
    for value in counts {
        values[at] = value;
        each(at + 1, free, wide, known, values, visit);
    }
}

fn value(term: &Term, values: &[i64]) -> i64 {
    match term {
        Term::Var(var) => values[*var],
        Term::Const(value) => *value,
        Term::Any => unreachable!(),
    }
}

fn holds(literal: &Literal, values: &[i64], rows: &[BTreeSet<Vec<i64>>], whole: &[BTreeSet<Vec<i64>>]) -> bool {
    let agrees = |row: &Vec<i64>, args: &[Term], own: usize| {
        args.iter().zip(row).all(|(term, found)| match term {
            Term::Any => true,
            Term::Var(var) if *var >= own => true,
            other => value(other, values) == *found,
        })
    };
    match literal {
        Literal::Atom { negated: false, rel, args } => rows[*rel].iter().any(|row| agrees(row, args, usize::MAX)),
        Literal::Atom { negated: true, rel, args } => !whole[*rel].iter().any(|row| agrees(row, args, usize::MAX)),
        Literal::Compare { op, left, right } => {
            let (left, right) = (value(left, values), value(right, values));
            match *op {
                "<" => left < right,
                "<=" => left <= right,
                "!=" => left != right,
                ">" => left > right,
                _ => left == right,
            }
        }
        Literal::Step { to, from, by } => values[*to] == (values[*from] + by) % DOMAIN,
        // Each local variable stands once, so the rows that agree are the solutions.
        Literal::Count { out, rel, args, local } => {
            values[*out] == whole[*rel].iter().filter(|row| agrees(row, args, *local)).count() as i64
        }
    }
}
