// Which class each code point is of to tiktoken's regular expressions: src/tokens/data/classes.txt on standard output.
//   node tokens_classes.mjs NODE_MODULES
import { createRequire } from 'module';
import path from 'path';

const require = createRequire(path.resolve(process.argv[2], 'x.js'));
const { Tiktoken } = require('tiktoken');
const { bpe_ranks } = require('tiktoken/encoders/cl100k_base.json');
const classes = [['Upper', '[\\p{Lu}\\p{Lt}]'], ['Lower', '\\p{Ll}'], ['Other_letter', '[\\p{Lm}\\p{Lo}]'], ['Mark', '\\p{M}'], ['Number', '\\p{N}'], ['Space', '\\s']];
const POINTS = 0x110000, BLOCK = 64;
const isText = c => c < 0xd800 || c > 0xdfff;
const classOf = new Uint8Array(POINTS);

// A pattern that matches nothing of a text gives no tokens.
classes.forEach(([name, pattern], i) => {
    const reference = new Tiktoken(bpe_ranks, {}, pattern);
    const has = text => reference.encode_ordinary(text).length > 0;
    for (let b = 0; b < POINTS; b += BLOCK) {
        const points = Array.from({ length: BLOCK }, (_, k) => b + k).filter(isText);
        if (!has(String.fromCodePoint(...points))) continue;
        for (const c of points) {
            if (!has(String.fromCodePoint(c))) continue;
            if (classOf[c] !== 0) throw new Error(`U+${c.toString(16)} is of two classes`);
            classOf[c] = i + 1;
        }
    }
    reference.free();
});

const hex = c => c.toString(16).toUpperCase().padStart(4, '0');
for (let c = 0, d; c < POINTS; c = d) {
    for (d = c; d < POINTS && classOf[d] === classOf[c];) d++;
    if (classOf[c] !== 0) console.log(`${hex(c)}..${hex(d - 1)} ${classes[classOf[c] - 1][0]}`);
}
