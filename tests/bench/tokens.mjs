// What run.sh's section tokens measures with and against.
//   node tokens.mjs texts ROOT KIND >FILE                        texts as token_ids reads them: each a uint32 length and its bytes
//   node tokens.mjs MODULES PROGRAM ENCODING SECONDS <FILE       counts all of them again and again for so long, on one thread, warm; prints bytes
//                                                                a second of CPU, and the tokens. PROGRAM: gpt-tokenizer or tiktoken
import fs from 'fs';
import { createRequire } from 'module';
import path from 'path';
import { dice, sentences, texts } from '../flow/lib_texts.mjs';

const MEGABYTE = 1 << 20;

function below(folder, ending) {
    return fs.readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap(entry => {
        const name = path.join(folder, entry.name);
        if (entry.isDirectory()) return below(name, ending);
        return ending.test(name) ? [fs.readFileSync(name)] : [];
    });
}

const kinds = {
    code: root => [...below(path.join(root, 'src'), /\.[ch]$/), ...below(path.join(root, 'cli'), /\.[ch]$/)],
    prose: root => [...below(path.join(root, 'docs'), /\.md$/), ...['README.md', 'LICENSE'].map(name => fs.readFileSync(path.join(root, name)))],
    languages: () => { const d = dice(5); return Array.from({ length: 2000 }, () => Buffer.from(d.some(1 + d.below(5), () => d.of(sentences) + ' '))); },
    prompts: root => { // short ones, as a batch of requests has them
        const words = kinds.prose(root).join(' ').split(/\s+/), d = dice(6);
        return Array.from({ length: 5000 }, () => { const from = d.below(words.length - 90); return Buffer.from(words.slice(from, from + 10 + d.below(80)).join(' ')); });
    },
    letter: () => [Buffer.alloc(MEGABYTE, 'a')],
    spaces: () => [Buffer.alloc(MEGABYTE, ' ')],
    joiners: () => [Buffer.alloc(MEGABYTE, '👩\u200d')],
    letters: () => { const d = dice(7); return [Buffer.from(d.some(MEGABYTE, () => d.of('abcdefghijklmnopqrstuvwxyz')))]; },
    bytes: () => { const d = dice(8); return [Buffer.from(Array.from({ length: MEGABYTE }, () => d.below(256)))]; },
};

function write(root, kind) {
    for (const text of kinds[kind](root)) {
        const len = Buffer.alloc(4);
        len.writeUInt32LE(text.length);
        fs.writeSync(1, Buffer.concat([len, text]));
    }
}

function read() {
    const all = fs.readFileSync(0), list = [];
    for (let at = 0; at < all.length; at += 4 + all.readUInt32LE(at)) list.push(all.toString('utf8', at + 4, at + 4 + all.readUInt32LE(at)));
    return { list, bytes: all.length - 4 * list.length };
}

function counter(modules, program, encoding) {
    const require = createRequire(path.resolve(modules, 'x.js'));
    if (program === 'tiktoken') {
        const reference = require('tiktoken').get_encoding(encoding);
        return text => reference.encode_ordinary(text).length;
    }
    const { countTokens } = require('gpt-tokenizer/encoding/' + encoding);
    const options = { disallowedSpecial: new Set() };
    return text => countTokens(text, options);
}

function measure(modules, program, encoding, seconds) {
    const { list, bytes } = read(), count = counter(modules, program, encoding);
    const used = () => { const c = process.cpuUsage(); return (c.user + c.system) / 1e6; };
    let tokens = 0;
    const round = () => { tokens = 0; for (const text of list) tokens += count(text); };
    for (const begin = used(); used() - begin < Number(seconds) / 2;) round();
    let rounds = 0;
    const begin = used();
    for (; rounds === 0 || used() - begin < Number(seconds); rounds++) round();
    console.log(Math.round(bytes * rounds / (used() - begin)), tokens);
}

const args = process.argv.slice(2);
if (args[0] === 'texts') write(args[1], args[2]);
else measure(...args);
