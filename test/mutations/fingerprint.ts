import type { MutatedPart } from './mutation.ts';

const file = 'alert/labels.ts';

export const fingerprint: MutatedPart = {
  name: 'fingerprint',
  tests: ['alert/labels.test.ts'],
  mutations: [
    {
      file,
      from: '    hash.addText(name);\n    hash.addByte(separator);',
      to: '    hash.addText(name);',
      means: 'nobody knows where a name ends',
    },
    {
      file,
      from: 'compareByBytes(names[at - 1]!, names[at]!) > 0',
      to: 'names[at - 1]! > names[at]!',
      means: 'names in the order of UTF-16',
    },
    { file, from: 'names.toSorted(compareByBytes)', to: 'names.toSorted()', means: 'sorted by UTF-16' },
    { file, from: 'let at = 1; at < names.length', to: 'let at = 2; at < names.length', means: 'two are never sorted' },
    {
      file,
      from: 'if (unit >= 0x80) break;',
      to: 'if (unit > 0x80) break;',
      means: 'the first character beyond ASCII is a byte',
    },
    {
      file,
      from: '      high = (Math.imul(high, 435) + carry(low) + (low << 8)) | 0;',
      to: '      high = (Math.imul(high, 435) + (low << 8)) | 0;',
      means: 'the carry between the halves is lost',
    },
    { file, from: 'if (codePoint > 0xffff) at++;', to: '', means: 'half of a pair is hashed once more' },
    { file, from: 'codePoint < 0x800)', to: 'codePoint <= 0x800)', means: 'U+0800 in two bytes' },
    { file, from: '0x80 | (bits & 0x3f)', to: '0x80 | (bits & 0x1f)', means: 'a bit of each further byte is lost' },
    {
      file,
      from: "byte.toString(16).padStart(2, '0')",
      to: 'byte.toString(16)',
      means: 'fewer than 16 digits',
    },
  ],
};
