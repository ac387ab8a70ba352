"""A certificate authority for tests, by the openssl command: certificates as an IdM would issue them, and bad ones."""

import datetime
import pathlib
import subprocess


class Authority:
    def __init__(self, directory, name="CA"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.ca, self.key = self.directory / "ca.pem", self.directory / "ca.key"
        (self.directory / "index.txt").write_text("")
        (self.directory / "serial").write_text("1000\n")
        (self.directory / "crlnumber").write_text("01\n")
        (self.directory / "ca.conf").write_text(f"""
            [ca]
            default_ca = this
            [this]
            dir = {self.directory}
            database = $dir/index.txt
            serial = $dir/serial
            crlnumber = $dir/crlnumber
            new_certs_dir = $dir
            certificate = {self.ca}
            private_key = {self.key}
            default_md = sha256
            default_days = 30
            default_crl_days = 30
            policy = anything
            unique_subject = no
            copy_extensions = copy
            [anything]
            organizationName = optional
            commonName = supplied
            """)
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                     "-subj", f"/O=Cloud/CN={name}", "-keyout", self.key, "-out", self.ca)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.directory)

    def issue(self, name, *alternatives, valid_from=None, valid_until=None, common_name=None):
        """(certificate, key) as paths; alternatives such as "DNS:node1.example.org"."""
        key, request, certificate = (self.directory / f"{name}.{end}" for end in ("key", "csr", "pem"))
        more = ["-addext", f"subjectAltName={','.join(alternatives)}"] if alternatives else []
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     f"/O=Cloud/CN={common_name or name}", "-keyout", key, "-out", request, *more)
        dates = []
        if valid_from or valid_until:
            now = datetime.datetime.now(datetime.timezone.utc)
            for option, days in (("-startdate", valid_from or -1), ("-enddate", valid_until or 30)):
                dates += [option, (now + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")]
        self.openssl("ca", "-config", self.directory / "ca.conf", "-batch", "-notext", "-in", request, "-out",
                     certificate, *dates)
        return certificate, key

    def revoke(self, certificate):
        self.openssl("ca", "-config", self.directory / "ca.conf", "-revoke", certificate)

    def list_revoked(self):
        """The certificate revocation list, written anew."""
        crl = self.directory / "crl.pem"
        self.openssl("ca", "-config", self.directory / "ca.conf", "-gencrl", "-out", crl)
        return crl
