export default function Collection() { return null; }
