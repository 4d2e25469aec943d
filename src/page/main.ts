import { renderPage } from './view/page.tsx';
import { PageSession } from './edge/page-session.ts';

const session = new PageSession();
renderPage(session, document.getElementById('page')!);
session.start();
