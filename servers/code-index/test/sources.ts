// One source for each language, such as people write, and what an index should know of it.

export interface Sample {
  path: string;
  text: string;
  /** `kind Container/name`, some of those there are. */
  symbols: readonly string[];
  /** A name, how often it stands there as a name, and one line with it. */
  used: readonly [name: string, times: number, line: number];
  /** A pattern of structure, and how many there are. */
  pattern: readonly [pattern: string, matches: number];
  language: string;
}

export const SAMPLES: readonly Sample[] = [
  {
    language: 'typescript',
    path: 'ts/queue.ts',
    text: `import { setTimeout as wait } from 'node:timers/promises';

export interface Job { id: string; run(): Promise<void> }
export type Priority = 'low' | 'high';
export enum State { Idle, Busy }

/** Runs jobs one after the other; retryLater is told in words here. */
export class JobQueue {
  #jobs: Job[] = [];
  constructor(private readonly limit: number) {}
  add(job: Job): void {
    this.#jobs.push(job);
    retryLater(job, 3);
  }
}

export const retryLater = async (job: Job, times: number): Promise<void> => {
  for (let n = 0; n < times; n += 1) await wait(10);
  console.log('retryLater', job.id);
};

export async function drain(queue: JobQueue): Promise<void> {
  await retryLater({ id: 'x', run: async () => {} }, 1);
}
`,
    symbols: [
      'interface Job',
      'type Priority',
      'enum State',
      'class JobQueue',
      'method JobQueue/add',
      'function retryLater',
      'function drain',
    ],
    used: ['retryLater', 3, 13],
    pattern: ['await $CALL($$$ARGS)', 2],
  },
  {
    language: 'tsx',
    path: 'ts/Button.tsx',
    text: `interface Props { label: string; onPress(): void }
export function PushButton({ label, onPress }: Props) {
  return <button onClick={onPress}>{label}</button>;
}
export const Toolbar = () => <div><PushButton label="a" onPress={() => {}} /></div>;
`,
    symbols: ['interface Props', 'function PushButton', 'function Toolbar'],
    used: ['PushButton', 2, 5],
    pattern: ['<button onClick={$F}>{$X}</button>', 1],
  },
  {
    language: 'javascript',
    path: 'js/cart.js',
    text: `const { round } = require('./money');
// totalOf adds up
class Cart {
  items = [];
  add(item) { this.items.push(item); return totalOf(this.items); }
}
function totalOf(items) { return round(items.reduce((sum, { price }) => sum + price, 0)); }
module.exports = { Cart, totalOf };
`,
    symbols: ['class Cart', 'method Cart/add', 'field Cart/items', 'function totalOf'],
    used: ['totalOf', 3, 5],
    pattern: ['round($X)', 1],
  },
  {
    language: 'python',
    path: 'py/store.py',
    text: `import os.path
from .config import load_config as load

MAX_ITEMS = 100

@dataclass
class Record:
    """A record; open_store is named in words."""
    key: str = ""

    @property
    def size(self):
        return len(self.key)

def open_store(path):
    """Opens the store."""
    return Record(load(path))

store = open_store("x")
`,
    symbols: ['variable MAX_ITEMS', 'class Record', 'method Record/size', 'function open_store'],
    used: ['open_store', 2, 15],
    pattern: ['return $X($$$)', 2],
  },
  {
    language: 'go',
    path: 'go/pool.go',
    text: `package pool

import (
	"context"
	"sync"
)

const MaxWorkers = 8

// Pool hands out workers; releaseWorker in words.
type Pool struct {
	mu   sync.Mutex
	idle []int
}

type Closer interface {
	Close() error
}

func NewPool(ctx context.Context) *Pool { return &Pool{} }

func (p *Pool) releaseWorker(id int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, id)
}

func use(p *Pool) { p.releaseWorker(1) }
`,
    symbols: [
      'constant MaxWorkers',
      'struct Pool',
      'interface Closer',
      'function NewPool',
      'method Pool/releaseWorker',
    ],
    used: ['releaseWorker', 2, 22],
    pattern: ['p.mu.$M()', 2],
  },
  {
    language: 'rust',
    path: 'rs/ring.rs',
    text: `use std::collections::VecDeque;

pub const CAPACITY: usize = 16;

/// A ring; push_back_bounded in words.
pub struct Ring<T> { items: VecDeque<T> }

pub trait Drain { fn drain_all(&mut self); }

impl<T> Ring<T> {
    pub fn push_back_bounded(&mut self, item: T) -> bool {
        if self.items.len() >= CAPACITY { return false; }
        self.items.push_back(item);
        true
    }
}

pub enum Mode { Fast, Slow }

macro_rules! ring { () => { 1 } }

fn fill(ring: &mut Ring<u8>) { ring.push_back_bounded(1); }
`,
    symbols: [
      'constant CAPACITY',
      'struct Ring',
      'trait Drain',
      'method Ring/push_back_bounded',
      'enum Mode',
      'function fill',
    ],
    used: ['push_back_bounded', 2, 11],
    pattern: ['$X.push_back($Y)', 1],
  },
  {
    language: 'java',
    path: 'java/Ledger.java',
    text: `package app;

import java.util.List;

/** Books entries; postEntry in words. */
public class Ledger implements Closeable {
  private final List<Entry> entries;
  public Ledger(List<Entry> entries) { this.entries = entries; }
  @Override
  public void close() {}
  int postEntry(Entry entry) { entries.add(entry); return entries.size(); }
  enum Side { DEBIT, CREDIT }
  interface Listener { void posted(Entry entry); }
  static void all(Ledger ledger) { ledger.postEntry(null); }
}
`,
    symbols: [
      'class Ledger',
      'method Ledger/postEntry',
      'field Ledger/entries',
      'enum Ledger/Side',
      'interface Ledger/Listener',
    ],
    used: ['postEntry', 2, 11],
    pattern: ['entries.add($X);', 1],
  },
  {
    language: 'c',
    path: 'c/buffer.c',
    text: `#include <stdlib.h>
#include "buffer.h"
#define BUFFER_SIZE 4096

/* buffer_grow doubles */
struct buffer { char *data; size_t length; };
typedef struct buffer buffer_t;

static int buffer_grow(struct buffer *b, size_t by) {
  b->data = realloc(b->data, b->length + by);
  return b->data != NULL;
}

char *buffer_text(struct buffer *b) {
  if (!buffer_grow(b, BUFFER_SIZE)) return NULL;
  return b->data;
}
`,
    symbols: ['macro BUFFER_SIZE', 'struct buffer', 'function buffer_grow', 'function buffer_text'],
    used: ['buffer_grow', 2, 9],
    pattern: ['realloc($P, $$$REST)', 1],
  },
  {
    language: 'cpp',
    path: 'cpp/shape.cpp',
    text: `#include "shape.hpp"
namespace geo {
class Shape {
 public:
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
template <typename T>
class Box : public Shape {
  T side_;
 public:
  double area() const override { return scaleArea(side_ * side_); }
};
enum class Colour { Red, Blue };
// scaleArea in words
double scaleArea(double value) { return value * 2; }
}
double geo::Widget::paint(int depth) { return geo::scaleArea(depth); }
`,
    symbols: [
      'module geo',
      'class geo/Shape',
      'class geo/Box',
      'method geo/Box/area',
      'enum geo/Colour',
      'function geo/scaleArea',
    ],
    used: ['scaleArea', 3, 12],
    pattern: ['scaleArea($X)', 1],
  },
  {
    language: 'csharp',
    path: 'cs/Mailer.cs',
    text: `using System.Text;
namespace App.Mail
{
    public interface ITransport { void Send(string text); }
    public record Letter(string To);
    /* FormatLetter in words */
    public class Mailer : ITransport
    {
        public int Sent { get; set; }
        private string FormatLetter(Letter letter) => letter.To;
        public void Send(string text) { Sent++; FormatLetter(new Letter(text)); }
    }
    public enum Level { Low, High }
}
`,
    symbols: [
      'interface App.Mail/ITransport',
      'class App.Mail/Letter',
      'class App.Mail/Mailer',
      'method App.Mail/Mailer/FormatLetter',
      'field App.Mail/Mailer/Sent',
      'enum App.Mail/Level',
    ],
    used: ['FormatLetter', 2, 10],
    pattern: ['new Letter($X)', 1],
  },
  {
    language: 'ruby',
    path: 'rb/parser.rb',
    text: `require 'json'
require_relative './lexer'

module Syntax
  LIMIT = 10
  # parse_tokens in words
  class Parser
    def initialize(lexer)
      @lexer = lexer
    end

    def parse_tokens(depth)
      return nil if depth > LIMIT
      parse_tokens(depth + 1)
    end

    def self.build
      new(nil)
    end
  end
end
`,
    symbols: [
      'module Syntax',
      'constant Syntax/LIMIT',
      'class Syntax/Parser',
      'method Syntax/Parser/parse_tokens',
      'method Syntax/Parser/build',
    ],
    used: ['parse_tokens', 2, 12],
    pattern: ['parse_tokens($X)', 1],
  },
  {
    language: 'php',
    path: 'php/Invoice.php',
    text: `<?php
namespace App\\Billing;

use App\\Money;

interface Payable { public function amount(): int; }
trait Logs { private function log(string $line): void {} }

// addLine in words
class Invoice implements Payable {
    const VAT = 19;
    private array $lines = [];
    public function addLine(string $text, int $price): void { $this->lines[] = [$text, $price]; }
    public function amount(): int { $this->addLine('x', 1); return count($this->lines); }
}
function helper_total(Invoice $invoice): int { return $invoice->amount(); }
`,
    symbols: [
      'interface Payable',
      'trait Logs',
      'class Invoice',
      'constant Invoice/VAT',
      'method Invoice/addLine',
      'function helper_total',
    ],
    used: ['addLine', 2, 13],
    pattern: ['count($X)', 1],
  },
  {
    language: 'bash',
    path: 'sh/deploy.sh',
    text: `#!/usr/bin/env bash
source ./common.sh
TARGET_DIR="/srv/app"

# copy_files in words
copy_files() {
  cp -r "$1" "$TARGET_DIR"
}

function main {
  copy_files build
}
main "$@"
`,
    symbols: ['variable TARGET_DIR', 'function copy_files', 'function main'],
    used: ['copy_files', 2, 6],
    pattern: ['cp -r $A $B', 1],
  },
  {
    language: 'css',
    path: 'css/site.css',
    text: `@import "reset.css";
:root { --accent-color: #06c; }
/* primary-button in words */
.primary-button { color: var(--accent-color); }
.primary-button:hover, #header .logo { color: red; }
@keyframes fade-in { from { opacity: 0; } to { opacity: 1; } }
`,
    symbols: [
      'variable :root/--accent-color',
      'selector .primary-button/primary-button',
      'keyframes fade-in',
    ],
    used: ['primary-button', 2, 4],
    pattern: ['color: red;', 1],
  },
];
