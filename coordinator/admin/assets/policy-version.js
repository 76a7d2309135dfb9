import { policyDifference } from './policy-editor.js';

const text = (id) => document.getElementById(id).value;

policyDifference(document.getElementById('policy-difference'), {
  before: text('policy-before'),
  after: text('policy-after'),
  label: 'What this version differs in',
});
