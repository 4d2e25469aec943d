import type { Pipeline } from '../explain/schema.ts';

/** Lists the pipelines. */
async function show(): Promise<void> {
  const response = await fetch('api/tocsin/v1/pipelines');
  const { items } = (await response.json()) as { readonly items: readonly Pipeline[] };
  const list = document.createElement('ul');
  for (const { kind, name, condition } of items) {
    const item = document.createElement('li');
    item.textContent = `${kind}/${name}: ${condition?.reason ?? 'no condition'}`;
    list.append(item);
  }
  document.querySelector('main')?.append(list);
  document.documentElement.dataset['ready'] = 'true';
}

void show();
