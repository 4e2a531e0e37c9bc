#!/usr/bin/env -S node --no-warnings
// Runs a program for GOOS=wasip1 in node: wasi.mjs PROGRAM ARGUMENTS
import fs from 'node:fs';
import { WASI } from 'node:wasi';

const args = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args, env: process.env, preopens: { '/': '/' } });
const module = await WebAssembly.compile(fs.readFileSync(args[0]));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
