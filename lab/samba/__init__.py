"""Scripts for Debian's own Python, where python3-samba lives. Nothing else imports them."""
