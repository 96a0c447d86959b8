// Compiles the contracts with the pinned compiler.

import { readFileSync, readdirSync } from 'node:fs';
import solc from 'solc';
import { concat, bytes } from './bytes.mjs';
import { encodeArguments, encodeCall } from './abi.mjs';

const SOURCES = new URL('../contracts/', import.meta.url);

const SETTINGS = {
  evmVersion: 'osaka',
  optimizer: { enabled: true, runs: 200 },
  // No trailing description: the code is then a function of the source text alone.
  metadata: { appendCBOR: false, bytecodeHash: 'none' },
  outputSelection: { '*': { '*': ['evm.bytecode.object', 'evm.methodIdentifiers'] } },
};

export const compilerVersion = () => solc.version();

/** One compiled contract: makes its creation code and its call data. */
class Contract {
  constructor(name, output) {
    this.name = name;
    this.code = bytes('0x' + output.evm.bytecode.object);
    this.selectors = new Map(
      Object.entries(output.evm.methodIdentifiers).map(([signature, id]) => [signature.split('(')[0], id]),
    );
  }

  creation(...values) {
    return concat(this.code, encodeArguments(values));
  }

  call(method, ...values) {
    const selector = this.selectors.get(method);
    if (!selector) throw new Error(`${this.name} has no function ${method}`);
    return encodeCall(selector, values);
  }
}

/** Warnings about what these contracts do on purpose: SELFDESTRUCT, and TSTORE in assembly. */
const INTENDED = new Set(['5159', '2394']);

/** All contracts by name. Any other warning of the compiler is an error here. */
export function compile() {
  const files = readdirSync(SOURCES)
    .filter((file) => file.endsWith('.sol'))
    .sort();
  const sources = Object.fromEntries(
    files.map((file) => [file, { content: readFileSync(new URL(file, SOURCES), 'utf8') }]),
  );
  const output = JSON.parse(
    solc.compile(JSON.stringify({ language: 'Solidity', sources, settings: SETTINGS })),
  );
  const complaints = (output.errors ?? []).filter(
    (e) => e.severity === 'error' || !INTENDED.has(e.errorCode),
  );
  if (complaints.length > 0) throw new Error(complaints.map((e) => e.formattedMessage).join('\n'));
  return Object.fromEntries(
    Object.values(output.contracts)
      .flatMap(Object.entries)
      .map(([name, contract]) => [name, new Contract(name, contract)]),
  );
}
