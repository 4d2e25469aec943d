import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { drawAll } from '../../docs/diagrams/draw.ts';
import { read, root } from '../support/documentation.ts';

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root })
  .toString()
  .trim()
  .split('\n')
  .filter((file) => existsSync(join(root, file)));
const pages = files.filter((file) => file.endsWith('.md'));

describe('the documents', () => {
  for (const page of pages)
    it(`${page} links to files and headings that are there`, () => {
      for (const link of linksOf(read(page))) {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? page : relative(root, join(root, dirname(page), decodeURI(path)));
        assert.ok(existsSync(join(root, target)), `${page}: ${link}`);
        if (anchor !== undefined)
          assert.ok(anchorsOf(read(target)).has(anchor), `${page}: ${link} has no such heading`);
      }
    });

  for (const page of pages)
    it(`${page} names files that are there`, () => {
      const named = read(page).matchAll(
        /`((?:src|test|bench|torture|k8s|examples|networkpolicy|docs|rules|dashboards)\/[\w./-]+)`/g,
      );
      for (const [, path = ''] of named)
        if (path !== 'bench/results/') assert.ok(existsSync(join(root, path)), `${page}: ${path}`);
    });

  it('are the ones that other files name', () => {
    for (const file of files.filter((name) => /^(?:src|k8s|examples|networkpolicy|bench|torture|\.ci)\//.test(name)))
      for (const [path] of readFileSync(join(root, file), 'utf8').matchAll(/(?<![\w/.-])docs\/[\w-]+\.md/g))
        if (!ofOthers.has(`${file} ${path}`)) assert.ok(existsSync(join(root, path)), `${file}: ${path}`);
  });
});

describe('README.md', () => {
  it('has 180 lines at most', () => {
    assert.ok(read('README.md').trimEnd().split('\n').length <= 180);
  });

  it('links to every page of docs/', () => {
    const linked = new Set(linksOf(read('README.md')).map((link) => link.split('#')[0]));
    const docs = pages.filter((page) => page.startsWith('docs/'));
    assert.ok(docs.length > 8);
    assert.deepEqual(
      docs.filter((page) => !linked.has(page)),
      [],
    );
  });
});

describe('the pictures of the page', () => {
  const pictures = files.filter((file) => file.endsWith('.png'));

  it('are small, and each is there for light and for dark', () => {
    assert.ok(pictures.length >= 2);
    for (const file of pictures) {
      assert.ok(statSync(join(root, file)).size < 200_000, file);
      assert.ok(pictures.includes(file.replace(/light|dark/, (word) => (word === 'light' ? 'dark' : 'light'))), file);
    }
  });

  it('are shown, each of them', () => {
    const shown = pages.map((page) => read(page)).join('\n');
    for (const file of pictures) assert.ok(shown.includes(file.replace('docs/', '')), file);
    const named = [...shown.matchAll(/"(?:docs\/)?(page\/[\w-]+\.png)"/g)].map(([, path]) => `docs/${path}`);
    assert.deepEqual(
      [...new Set(named)].toSorted(),
      pictures.filter((file) => file.startsWith('docs/page/')).toSorted(),
    );
  });
});

describe('the diagrams', () => {
  it('are what their sources say; npm run diagrams draws them', async () => {
    const drawn = await drawAll();
    assert.ok(drawn.size >= 2);
    for (const [name, svg] of drawn) assert.equal(read(`docs/diagrams/${name}`), svg, name);
    const others = files.filter((file) => /^docs\/.*\.svg$/.test(file) && !drawn.has(file.replace(/.*\//, '')));
    assert.deepEqual(others, []);
  });

  it('are small, and refer to nothing outside', () => {
    for (const file of files.filter((name) => name.endsWith('.svg'))) {
      assert.ok(statSync(join(root, file)).size < 20_000, file);
      assert.doesNotMatch(read(file), /<script|<image|href=/, file);
    }
  });
});

/** A link to a page of another project. */
const ofOthers = new Set(['src/server/web/web-config.ts docs/web-configuration.md']);

/** The links in Markdown and in its HTML, except those to other sites. */
function linksOf(page: string): readonly string[] {
  const text = page.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '``');
  return [
    ...text.matchAll(/\]\(<?([^)\s>]+)/g),
    ...text.matchAll(/^\[[^\]]+\]: (\S+)/gm),
    ...text.matchAll(/(?:src|srcset|href)="([^"\s]+)/g),
  ]
    .map(([, link = '']) => link)
    .filter((link) => !/^(?:https?|mailto):/.test(link));
}

/** The anchors that GitHub makes of headings. */
function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of page.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)) {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-');
    const count = [...anchors].filter((anchor) => anchor.replace(/-\d+$/, '') === slug).length;
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}
