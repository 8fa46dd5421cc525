/** Messages of the server, which are written for logs, as sentences on a page: capitalised, with values set apart. */

import { Fragment } from 'react';
import { Reveal } from './parts';

/** Text in which backticks mark values or code, as React elements; nothing else is markup. */
function Marked({ text }: { text: string }) {
  return (
    <>
      {text.split('`').map((part, index, all) => {
        // An unpaired backtick is an ordinary character.
        if (index % 2 === 1 && index === all.length - 1) return <Reveal key={index} text={`\`${part}`} newlines />;
        if (index % 2 === 1) return part === '' ? <Fragment key={index}>``</Fragment> : <code key={index}><Reveal text={part} /></code>;
        return <Reveal key={index} text={part} newlines />;
      })}
    </>
  );
}

export const sentence = (text: string) => (/^[a-z]+[ ,;]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text);

export function Message({ text }: { text: string }) {
  return <Marked text={sentence(text)} />;
}
