#!/usr/bin/env python3
"""A second implementation of the envelope, for the samples beside it (needs the package `cryptography`).

Without arguments: writes new keys and client_packet.bin. With the name of a file: prints what that packet, made by
the server's key for the client, says.
"""
import hashlib, hmac as mac, os, struct, sys, zlib
from pathlib import Path
from cryptography.hazmat.primitives import hashes, padding as blocks, serialization as form
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

HERE = Path(__file__).parent
OAEP = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)


def varint(n):
    out = b""
    while n >= 128:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data):
    at, found = 0, {}

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at, n, shift = at + 1, n | (byte & 127) << shift, shift + 7
            if byte < 128:
                return n

    while at < len(data):
        key = number()
        value = number()
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        found.setdefault(key >> 3, []).append(value)
    return found


def aes(key, iv, data, encrypt):
    cipher, pad = Cipher(algorithms.AES(key), modes.CBC(iv)), blocks.PKCS7(128)
    if encrypt:
        padder, worker = pad.padder(), cipher.encryptor()
        return worker.update(padder.update(data) + padder.finalize()) + worker.finalize()
    padder, worker = pad.unpadder(), cipher.decryptor()
    return padder.update(worker.update(data) + worker.finalize()) + padder.finalize()


def seal(source, my_key, peer_key, content):
    key, metadata_iv, hmac_key, iv = (os.urandom(16) for _ in range(4))
    secrets = field(1, "aes_128_cbc") + field(2, key) + field(3, metadata_iv) + field(5, hmac_key) + field(6, 1)
    cipher = peer_key.encrypt(secrets, OAEP)
    signature = my_key.sign(secrets, padding.PKCS1v15(), hashes.SHA256())
    metadata = aes(key, metadata_iv, field(1, source) + field(2, signature), True)
    encrypted = aes(key, iv, content, True)
    code = mac.new(hmac_key, encrypted + cipher + metadata + iv + struct.pack("<I", 4), hashlib.sha1).digest()
    return field(1, encrypted) + field(2, cipher) + field(6, 4) + field(8, iv) + field(9, metadata) + field(10, code)


def open_packet(data, my_key, peer_key):
    packet = {number: values[-1] for number, values in fields(data).items()}
    secrets_text = my_key.decrypt(packet[2], OAEP)
    secrets = {number: values[-1] for number, values in fields(secrets_text).items()}
    signed = packet[1] + packet[2] + packet[9] + packet[8] + struct.pack("<I", packet[6])
    assert mac.new(secrets[5], signed, hashlib.sha1).digest() == packet[10], "HMAC"
    metadata = fields(aes(secrets[2], secrets[3], packet[9], False))
    peer_key.verify(metadata[2][0], secrets_text, padding.PKCS1v15(), hashes.SHA256())
    return metadata[1][0].decode(), fields(aes(secrets[2], packet[8], packet[1], False))


def client_id(key):
    n = key.public_numbers().n
    n = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return "C." + hashlib.sha256(struct.pack(">I", len(n) + 1) + b"\0" + n).hexdigest()[:16]


def load(name):
    return form.load_pem_private_key((HERE / name).read_bytes(), None)


if len(sys.argv) == 1:
    for name in "client_key.pem", "server_key.pem":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
        (HERE / name).write_bytes(pem)
    client, server = load("client_key.pem"), load("server_key.pem")
    jobs = [field(1, field(1, session)) for session in ("F.CL9V2001081G8", "E.Foreman")]
    content = b"".join(field(1, zlib.compress(job, 1)) for job in jobs)
    content += field(4, 1) + field(6, 1700000000000000) + field(7, "c2FtcGxl")
    packet = seal(client_id(client.public_key()), client, server.public_key(), content)
    (HERE / "client_packet.bin").write_bytes(packet)
    print(client_id(client.public_key()))
else:
    print(*open_packet(Path(sys.argv[1]).read_bytes(), load("client_key.pem"), load("server_key.pem").public_key()))
