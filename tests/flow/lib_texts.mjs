// Texts that tokenizers get wrong, by a seed: the same ones in each run. texts(seed, count, root, vocabulary) yields Buffers, not all of them UTF-8.
import fs from 'fs';
import path from 'path';

// mulberry32, public domain
export function dice(seed) {
    const next = () => {
        seed = (seed + 0x6d2b79f5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const below = n => Math.floor(next() * n);
    return { below, of: list => list[below(list.length)], some: (n, f) => Array.from({ length: n }, f).join('') };
}

export const sentences = [
    'The quick brown fox jumps over the lazy dog, twice.', 'Falsches Üben von Xylophonmusik quält jeden größeren Zwerg.',
    'Portez ce vieux whisky au juge blond qui fume; l\'œuvre n\'est pas là.', 'El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia.',
    'Съешь же ещё этих мягких французских булок, да выпей чаю.', 'Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.',
    'いろはにほへと ちりぬるを わかよたれそ つねならむ。', 'カタカナと漢字の混ざった文章を、正しく数える。', '天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。',
    '다람쥐 헌 쳇바퀴에 타고파. 키스의 고유조건은', 'نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر', 'דג סקרן שט בים מאוכזב ולפתע מצא לו חברה',
    'ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का', 'เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์', 'Chú bé lười, Đặng Ngọc Ẩn; nghiêng mình.',
    'Pijamalı hasta yağız şoföre çabucak güvendi. İIıi', 'Zażółć gęślą jaźń; příliš žluťoučký kůň.', 'ယေဓမ္မာ ဟေတုပ္ပဘဝါ တေသံ', 'ქართული ენა და ᲥᲐᲠᲗᲣᲚᲘ',
    'ሰማይ አይታረስ ንጉሥ አይከሰስ', 'ᏣᎳᎩ ꭰꮃꮅ', 'ǅungla ǈubav ǋegov', 'ʰʲʷ modifier ʼletters', 'ﬁne ﬂow ﬆop ﷽', '𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 Ⅷ ½ ² ٣ ४ ๕', 'தமிழ் యునికోడ్ ಕನ್ನಡ മലയാളം',
];
const signs = ['a', 'A', 'b', 'Z', 'é', 'É', 'ǅ', 'ʰ', 'ª', '日', 'א', '\u0301', '\u0300', '\u20dd', '\u093f', ' ', '  ', '\t', '\n', '\r', '\r\n', '\n\n', '\u00a0',
    '\u0085', '\u2028', '\u3000', '\u200b', '\ufeff', '\u180e', '\u000b', '\u001c', '/', '//', '\'', '’', '\'s', '\'S', '\'ſ', '\'ll', '\'Re', '\'vE', '1', '22', '4567', '²', '٣', 'Ⅷ', '!', '_', '-', '.', '"',
    '(', '}', '\u200d', '👩', '\u{1f3fd}', '\ufe0f', '\u{e0061}', '\u{1f1e9}', 'ſ', 'K', 'ß', 'İ', '\u0000', '\u007f', '\ufffd', '\uffff', '\u{10ffff}', '𐐀', '𐐨', '\u{16d40}', '\u088f'];
const endings = ['s', 't', 're', 've', 'm', 'll', 'd', 'S', 'T', 'RE', 'Ve', 'vE', 'M', 'LL', 'lL', 'D', 'ſ', 'r', 'l', 'x', 'ss', '\'s', ''];
const specials = ['<|endoftext|>', '<|endofprompt|>', '<|fim_prefix|>', '<|fim_middle|>', '<|fim_suffix|>', '<|im_start|>', '<|endoftext', '|>', '<|'];
const joined = ['👩‍👩‍👧‍👦', '🏳️‍🌈', '👍🏽', '🇩🇪', '❤️', '😀', '🧑🏿‍🚀', '\u200d', '\ufe0f', '1️⃣'];
const blanks = [' ', ' ', ' ', '\n', '\r', '\t', '\u00a0', '\u2003', '\u2028', '\u0085', '\f', '\v', '\u3000'];

export function sources(root) {
    const files = [];
    for (const folder of ['src/tokens', 'src/base', 'cli', 'docs', 'tests/flow', 'schema'])
        for (const name of fs.readdirSync(path.join(root, folder)).sort())
            if (/\.(c|h|md|sh|sql|mjs)$/.test(name)) files.push(fs.readFileSync(path.join(root, folder, name)));
    return files;
}

function kinds(d, files, vocabulary) {
    const word = () => d.some(1 + d.below(9), () => d.of('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'));
    const anyPoint = () => { for (;;) { const c = d.below(0x110000); if (c < 0xd800 || c > 0xdfff) return String.fromCodePoint(c); } };
    const lowPoint = () => String.fromCodePoint(d.below(0x3100));
    const bytes = n => Buffer.from(Array.from({ length: n }, () => d.below(256)));
    return [
        () => d.some(1 + d.below(4), () => d.of(sentences) + d.of([' ', '\n', '', '  '])),
        () => { const s = Array.from(d.of(sentences)), from = d.below(s.length); return s.slice(from, from + 1 + d.below(30)).join(''); },
        () => { const f = d.of(files), from = d.below(f.length); return f.subarray(from, from + 20 + d.below(300)); },
        () => { const f = d.of(files), from = d.below(f.length); return f.subarray(from, from + 1 + d.below(40)); },
        () => d.some(1 + d.below(12), () => d.of(signs)),
        () => d.some(1 + d.below(40), () => d.of(signs)),
        () => d.some(1 + d.below(8), () => d.some(d.below(6), () => d.of(blanks)) + d.of(['', 'a', '!', '1', 'é', '/'])),
        () => d.of([' ', '\n', '\t', '\r\n', ' \n', '\u00a0']).repeat(1 + d.below(300)) + d.of(['', 'x', '.', '7']),
        () => d.some(1 + d.below(6), () => d.some(d.below(12), () => d.of('0123456789')) + d.of(['', '.', ',', ' ', '٣', '²', 'e', '४५६७'])),
        () => d.some(1 + d.below(5), () => d.of([word(), word(), '', ' ', '日', 'É', '1', '!']) + d.of(['\'', '\'', '\'', '’']) + d.of(endings) + d.of([word(), '', ' '])),
        () => d.some(1 + d.below(4), () => d.of(specials) + d.of([word(), '', ' ', '\n'])),
        () => d.some(1 + d.below(20), () => d.of(joined)),
        () => d.some(1 + d.below(20), anyPoint),
        () => d.some(1 + d.below(25), lowPoint),
        () => bytes(d.below(60)),
        () => { const b = Buffer.from(d.of(sentences)); for (let i = 0; i < 1 + d.below(5); i++) b[d.below(b.length)] = d.below(256); return b.subarray(d.below(4)); },
        () => Buffer.concat(Array.from({ length: 1 + d.below(15) }, () => d.of([[0xc0], [0xe2, 0x82], [0xf0, 0x9f], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80], [0xf4, 0x90], [0xff], [0x80], [0xe0, 0x80], [0xef, 0xbb, 0xbf], [0x61], [0x20], [0xc3, 0xa9]])).map(x => Buffer.from(x))),
        () => Buffer.concat(Array.from({ length: 1 + d.below(12) }, () => d.of(vocabulary))),
        () => Buffer.concat(Array.from({ length: 2 + d.below(3) }, () => d.of(vocabulary))),
        () => d.some(1 + d.below(d.of([10, 60, 60, 400])), () => d.of(d.of(['ab', 'aeiourstln', 'etaoinshrdlucmfwypvbgkqjxz', 'ABab', 'éèaà', 'абвгд', '的一是不了人我在有他这'].map(s => Array.from(s))))),
        () => d.of(['a', 'A', 'ab', 'the', '=', '-', '日本', 'я', '👩\u200d', '\u0301', 'é', '!?']).repeat(1 + d.below(d.of([20, 200, 600]))),
        () => d.some(1 + d.below(30), () => word() + d.of([' ', '_', '', '.', '(', ' = ', '->', '\n    ', '\t'])),
    ];
}

export function* texts(seed, count, root, vocabulary) {
    const d = dice(seed), all = kinds(d, sources(root), vocabulary);
    for (let i = 0; i < count; i++) yield Buffer.from(all[i % all.length]());
}

// Each code point alone, between letters of either case, after a space and before a word.
export function* points() {
    for (let c = 0; c < 0x110000; c++) {
        if (c >= 0xd800 && c <= 0xdfff) continue;
        const s = String.fromCodePoint(c);
        yield Buffer.from(s);
        yield Buffer.from('a' + s + 'b' + s + 'B');
        yield Buffer.from(' ' + s + s + 'A  ' + s + '1');
    }
}
