"""Several SIP servers of the role, real Kamailios that find each other by real DNS, on loopback."""
