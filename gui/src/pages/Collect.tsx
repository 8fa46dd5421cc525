export default function Collect() { return null; }
