// Holds longhaul's tokens against tiktoken's: the ids of every text, in both encodings.
//   node tokens_reference.mjs NODE_MODULES TOKEN_IDS ROOT COUNT [SEED]     COUNT may be "points": all code points
import { spawnSync } from 'child_process';
import fs from 'fs';
import { createRequire } from 'module';
import path from 'path';
import { points, texts } from './lib_texts.mjs';

const [modules, program, root, count, seed = '1'] = process.argv.slice(2);
const require = createRequire(path.resolve(modules, 'x.js'));
const { get_encoding } = require('tiktoken');
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function ours(encoding, batch) {
    const parts = [];
    for (const text of batch) {
        const len = Buffer.alloc(4);
        len.writeUInt32LE(text.length);
        parts.push(len, text);
    }
    const ran = spawnSync(program, [encoding], { input: Buffer.concat(parts), maxBuffer: 1 << 30 });
    if (ran.status !== 0) throw new Error(`${program} ended with ${ran.status}: ${ran.stderr}`);
    return new Uint32Array(ran.stdout.buffer, ran.stdout.byteOffset, ran.stdout.length / 4);
}

function compare(encoding, reference, batch) {
    const got = ours(encoding, batch);
    let at = 0, wrong = 0;
    for (const text of batch) {
        const wanted = reference.encode_ordinary(decoder.decode(text));
        const mine = got.subarray(at + 1, at + 1 + got[at]);
        at += 1 + mine.length;
        if (mine.length === wanted.length && mine.every((id, i) => id === wanted[i])) continue;
        if (wrong++ < 5) console.log(`${encoding}: ${JSON.stringify(decoder.decode(text))} (${text.toString('hex')}) is ${mine}, should be ${wanted}`);
    }
    if (at !== got.length) throw new Error('there is more than was asked for');
    return wrong;
}

function vocabulary(name) {
    const lines = fs.readFileSync(path.join(root, 'src/tokens/data', name + '.tiktoken'), 'utf8').trim().split('\n');
    return lines.map(line => Buffer.from(line.split(' ')[0], 'base64'));
}

let differences = 0;
for (const name of ['o200k_base', 'cl100k_base']) {
    const reference = get_encoding(name);
    let batch = [], n = 0, bytes = 0;
    for (const text of count === 'points' ? points() : texts(Number(seed), Number(count), root, vocabulary(name))) {
        batch.push(text);
        n++;
        bytes += text.length;
        if (batch.length === 20000) {
            differences += compare(name, reference, batch);
            batch = [];
        }
    }
    differences += compare(name, reference, batch);
    console.log(`${name}: ${n} texts, ${bytes} bytes`);
    reference.free();
}
console.log(`${differences} differences`);
process.exit(differences === 0 ? 0 : 1);
