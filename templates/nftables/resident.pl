# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Stays on a router, in the place of the shell that a login was given, and carries steps out without starting anything.
#
# It is the text of a step that it reads, the one that a shell would be given; where that has a command it does not
# know, it says so and does nothing. Everything else goes to a shell. It needs what Debian's perl-base has, no more.
#
# Arguments: the command that keeps what the router holds, and a word that ends the line in which this says what it is.
# Input: a line `script LENGTH MARK`, `step LENGTH MARK` or `connections LENGTH MARK`, and so many bytes. Those of a step
# begin with a line, the generation in which it is right; the sections of its answer are those of linux/guarded.sh.j2.
# Connections are asked for by a number of rows, and addresses, one a line; its answer is as linux/connections.sh.j2 has
# it. The mark ends each answer.

use strict;
use Fcntl qw(LOCK_EX O_APPEND O_CREAT O_RDONLY O_RDWR);
use IO::Handle ();
use Socket qw(AF_INET AF_INET6 inet_ntop inet_pton);

my ($save, $word) = @ARGV;

# Seconds without a step, and size of the journal, from which it is made part of what else is kept. A step that comes
# meanwhile waits for that: in a stream of steps, it is to be rare.
my ($idle, $much) = (0.5, 1 << 20);
# Seconds that the kernel may be silent.
my $kernels = 5;

# Files and programs

# Whether something can be read within so many seconds; undef: at all.
sub readable {
	my ($file, $seconds) = @_;
	my $files = '';
	vec($files, fileno $file, 1) = 1;
	return select($files, undef, undef, $seconds) > 0;
}

# Write all of it.
sub put {
	my ($file, $data) = @_;
	for (my $at = 0; $at < length $data;) {
		$at += syswrite($file, $data, length($data) - $at, $at) // die "$!\n";
	}
}

# What can be read of a file, so many bytes at most.
sub content {
	my ($path, $most) = @_;
	open(my $file, '<', $path) or die "$path: $!\n";
	read $file, my $text, $most // -s $file || 4096;
	return $text;
}

# A file without a name, at its beginning.
sub nameless {
	my ($text) = @_;
	open(my $file, '+>', undef) or die "a temporary file: $!\n";
	put($file, $text);
	sysseek $file, 0, 0;
	return $file;
}

# Begin a program: it reads one file, and what it says goes into two others.
sub begun {
	my ($in, $out, $err, @argv) = @_;
	my $process = fork // die "fork: $!\n";
	return $process if $process;
	open STDIN, '<&', $in;
	open STDOUT, '>&', $out;
	open STDERR, '>&', $err;
	exec { $argv[0] } @argv;
	syswrite STDERR, "$argv[0]: $!\n";
	exit 127;
}

# Run a program to its end; it dies with what that said where it failed.
sub run {
	my ($text, @argv) = @_;
	my $in = nameless($text);
	pipe(my $said, my $saying) or die "pipe: $!\n";
	my $process = begun($in, $saying, $saying, @argv);
	close $saying;
	my $words = '';
	1 while sysread $said, $words, 65536, length $words;
	waitpid $process, 0;
	die $words || "$argv[0]: status $?\n" if $?;
	return $words;
}

# The kernel

sub netlink {
	my ($protocol) = @_;
	socket(my $kernel, 16, 3, $protocol) or die "netlink: $!\n";
	return $kernel;
}

sub heard {
	my ($kernel) = @_;
	readable($kernel, $kernels) && sysread $kernel, my $text, 65536 or die "the kernel does not answer\n";
	return $text;
}

# As nftables/generation.sh.j2: this boot, this network, its first process, and the kernel's number.
# One socket for good: the kernel has whoever closes one wait until what was taken away is freed.
my $ruleset = netlink(12);
my $place = join ' ', content('/proc/sys/kernel/random/boot_id') =~ /(.*)/, readlink('/proc/self/ns/net'),
	(split / /, content('/proc/1/stat') =~ s/.*\) //r)[19];
sub generation {
	put($ruleset, pack 'LSSLLL', 20, 2576, 1, 1, 0, 0);
	my $said = heard($ruleset);
	unpack('x4S', $said) == 2575 or die "no generation\n";
	return $place . ' ' . unpack 'x24N', $said;
}

# Routes: what `ip -batch` does with those that are put, told to the kernel itself (<linux/netlink.h>,
# <linux/rtnetlink.h>). What fails is left to ip, which has words for it: to put a route once more changes nothing.

my ($links, $number) = (undef, 0);
# The kernel's answers to so many fit into a socket.
my $at_once = 32;

sub attribute {
	my ($kind, $value) = @_;
	return pack('SS', 4 + length $value, $kind) . $value . "\0" x (-length($value) % 4);
}

# What asks for a route; undef where the line asks for something else.
sub route {
	my ($line) = @_;
	my ($to, $length, $via, $device, $table, $protocol, $metric) = $line =~ m{
		^route\ replace\ ([0-9a-f.:]+)/(\d+)(?:\ via\ ([0-9a-f.:]+))?\ dev\ (\S{1,15})
		\ table\ (\d{1,10})\ proto\ (\d+)(?:\ metric\ (\d{1,10}))?$
	}x or return;
	my $family = $to =~ /:/ ? AF_INET6 : AF_INET;
	return if $length > 128 || $protocol > 255 || grep { $_ > 0xffffffff } $table, $metric // 0;
	# The number of a link (SIOCGIFINDEX).
	my $link = pack 'a40', $device;
	ioctl($links, 0x8933, $link) or return;
	my ($target, $hop) = map { defined $_ ? inet_pton($family, $_) // return : undef } $to, $via;
	# Without a next hop it is a route to a link. The table stands among the attributes: it does not fit here.
	my $scope = defined $hop || $family == AF_INET6 ? 0 : 253;
	my $body = pack('CCCCCCCCL', $family, $length, 0, 0, 0, $protocol, $scope, 1, 0)
		. attribute(1, $target) . (defined $hop ? attribute(5, $hop) : '') . attribute(4, substr $link, 16, 4)
		. attribute(15, pack 'L', $table) . (defined $metric ? attribute(6, pack 'L', $metric) : '');
	# A request to be acknowledged: replace, or create.
	return pack('LSSLL', 16 + length $body, 24, 0x1 | 0x4 | 0x100 | 0x400, ++$number, 0) . $body;
}

# Whether it was routes that are put, and they were.
sub routed {
	my ($text) = @_;
	my $done = eval {
		$links //= netlink(0);
		my @asked = map { route($_) // return 0 } split /\n/, $text;
		while (my @now = splice @asked, 0, $at_once) {
			my %waiting = map { unpack('x8L', $_) => 1 } @now;
			put($links, join '', @now);
			while (%waiting) {
				for (my $said = heard($links); length $said >= 20;) {
					my ($size, $kind, undef, $answered, undef, $error) = unpack 'LSSLLl', $said;
					return 0 if $waiting{$answered} && ($kind != 2 || $error);
					delete $waiting{$answered};
					$said = substr $said, $size + 3 & ~3 || 20;
				}
			}
		}
		1;
	};
	# What it still says to what failed is not for what comes next.
	undef $links if !$done;
	return $done;
}

# Elements: what `nft -f` does with those that a step puts and takes, told to the kernel itself as one transaction
# (<linux/netfilter/nf_tables.h>). What fails is left to nft, which has words for it: nothing was done then.

# Elements of one message, whose length has 16 bits; and bytes of a transaction: the kernel takes it whole.
my ($many, $most) = (128, 1 << 24);
my %numbers = (tcp => 6, udp => 17, dccp => 33, sctp => 132, udplite => 136);
my %ethernet = (ip => 0x0800, ip6 => 0x86dd);

sub nested {
	my ($kind, @within) = @_;
	return attribute(0x8000 | $kind, join '', @within);
}

# The bytes of each part of a key, as table.nft.j2 has them; nothing for a set that is not there.
sub lengths {
	my ($family, $set) = @_;
	my $address = $family eq 'ip' ? 4 : 16;
	return $set =~ /^(?:wide_)?in_use$/ ? 2
		: $set =~ /^session_error_/ ? (2 * $address, 1, 4)
		: $set =~ /^session_/ ? ($address, $address, 1, 2, 2)
		: $set =~ /^correspondent_error_/ ? 2 * $address
		: $set =~ /^correspondent_/ ? ($address, $address)
		: $set =~ /^(?:address_|route$)/ ? $address
		: ();
}

# A part of a key in so many bytes: a number, an address, or what nft has a word for; undef where they do not hold it.
sub part {
	my ($text, $length) = @_;
	my $value = $text =~ /^0x([0-9a-f]+)$/ ? pack 'H*', length($1) % 2 ? "0$1" : $1
		: $text =~ /[.:]/ ? inet_pton($text =~ /:/ ? AF_INET6 : AF_INET, $text) // return
		: pack 'N', $text =~ /^\d{1,5}$/ ? $text : ($length == 1 ? \%numbers : \%ethernet)->{$text} // return;
	return if $text =~ /[.:]/ && length $value != $length;
	$value =~ s/^\0+//;
	return length $value > $length ? undef : "\0" x ($length - length $value) . $value;
}

# The elements of a line, each as the kernel takes it; undef where that is something else.
sub elements {
	my ($family, $set, $text) = @_;
	my @lengths = lengths($family, $set) or return;
	my @found;
	while ($text =~ m{
		\G([\w.:]+(?:\ \.\ [\w.:]+)*)(?:\ timeout\ (?:(\d{1,6})d)?(\d{1,9})s)?(?:\ comment\ "([^"]{0,128})")?
		(?:\ :\ ([0-9a-f.:]+))?(?:,\ |\z)
	}gcx) {
		my ($key, $days, $seconds, $comment, $to) = ($1, $2, $3, $4, $5);
		my @texts = split / \. /, $key;
		return if @texts != @lengths;
		my @parts = map { part($texts[$_], $lengths[$_]) // return } 0 .. $#texts;
		$key = @parts == 1 ? $parts[0] : join '', map { $_ . "\0" x (-length($_) % 4) } @parts;
		my $element = nested(1, attribute(1, $key));
		$element .= nested(2, attribute(1, inet_pton($to =~ /:/ ? AF_INET6 : AF_INET, $to) // return)) if defined $to;
		if (defined $seconds) {
			my $left = 1000 * ($seconds + 86400 * ($days // 0));
			$element .= attribute(4, pack 'NN', $left / 2**32, $left % 2**32);
		}
		$element .= attribute(6, pack 'CC/a*', 0, "$comment\0") if defined $comment;
		push @found, nested(1, $element);
	}
	return defined pos $text && pos $text == length $text ? \@found : undef;
}

# A message to nftables.
sub message {
	my ($kind, $flags, $family, $resource, $body) = @_;
	return pack('LSSLLCCn', 20 + length $body, $kind, 1 | $flags, ++$number, 0, $family, 0, $resource) . $body;
}

# Whether it was elements that are put or taken, and they were.
sub told {
	my ($text) = @_;
	my @messages;
	for my $line (split /\n/, $text) {
		my ($does, $family, $table, $set, $listed) = $line =~ /^(add|delete) element (ip6?) (\w+) (\w+) \{ (.*) \}$/
			or return 0;
		my $elements = elements($family, $set, $listed) // return 0;
		# To be created, or to be deleted; the last of all is acknowledged.
		my @how = ($does eq 'add' ? (2572, 0x400) : (2574, 0), $family eq 'ip' ? AF_INET : AF_INET6, 0);
		my $place = attribute(1, "$table\0") . attribute(2, "$set\0");
		while (my @now = splice @$elements, 0, $many) {
			push @messages, [@how, $place . nested(3, @now)];
		}
	}
	return 1 if !@messages;
	$messages[-1][1] |= 4;
	my $all = message(16, 0, 0, 10, '');
	$all .= message(@$_) for @messages;
	my $last = $number;
	$all .= message(17, 0, 0, 10, '');
	return 0 if length $all > $most;
	my $done = eval {
		# SO_SNDBUFFORCE
		setsockopt($ruleset, 1, 32, pack 'i', $most);
		put($ruleset, $all);
		my ($kind, $answered, $error) = unpack 'x4Sx2Lx4l', heard($ruleset);
		$kind == 2 && $answered == $last && !$error;
	};
	# What it still says to what failed is not for what comes next.
	$ruleset = netlink(12) if !$done;
	return $done;
}

# One transaction.
sub nft {
	my ($text) = @_;
	my $before = generation();
	return if told($text);
	# It may have been done without a word.
	generation() eq $before or die "the kernel did not answer\n";
	run($text, 'nft', '-f', '-');
}

# Keeping steps for the next boot: each is on disk before it is acknowledged, behind those before it, in a journal. It
# becomes part of what else is kept when no step comes for a while.

my ($known, @places, $folding) = ('');
my $due = -x $save;

# Where things are kept: the last listing, its lock, and what tells that all was put back after the boot.
sub places {
	my $now = join ' ', (stat $save)[1, 7, 9, 10];
	if ($known ne $now) {
		my $able = content($save) =~ /^# usage: save \[- \| kept \| fold \| places\]/m;
		@places = $able ? split ' ', run('', $save, 'places') : ();
		$known = $now;
	}
	return @places;
}

# Make the journal part of what else is kept; nobody waits for it.
sub fold {
	return if $folding && waitpid($folding, 1) == 0;
	($folding, $due) = ();
	# Where that fails it is kept, and will be told with the next step.
	eval { $folding = begun(nameless(''), \*STDERR, \*STDERR, $save, 'fold') if -x $save && places() };
}

# Whether it could be written behind a listing.
sub noted {
	my ($listing, $lock, $text) = @_;
	open(my $held, '>>', $lock) or die "$lock: $!\n";
	flock $held, LOCK_EX or die "$lock: $!\n";
	my $of = (split ' ', eval { content($listing, 200) =~ /(.*)/; $1 } // '')[3] // return 0;
	my $after = "# after $of\n";
	sysopen(my $journal, "$listing.journal", O_RDWR | O_CREAT | O_APPEND, 0600) or die "$listing.journal: $!\n";
	sysseek $journal, 0, 0;
	sysread $journal, my $first, length $after;
	my $fresh = $first ne $after;
	if ($fresh) {
		truncate $journal, 0;
		put($journal, $after);
	}
	# The first line is empty for what was cut before it.
	put($journal, "\n# saved " . time . "\n$text# end\n");
	$journal->sync or die "$listing.journal: $!\n";
	if ($fresh) {
		sysopen(my $directory, $listing =~ s{[^/]*$}{}r, O_RDONLY) or die "$listing: $!\n";
		$directory->sync or die "$listing: $!\n";
	}
	$due = 1;
	fold() if -s $journal > $much;
	return 1;
}

# Keep what a step told nft and ip.
sub keep {
	my ($text) = @_;
	return if !-x $save;
	my ($listing, $lock, $restored) = places();
	return if $listing && -e $restored && noted($listing, $lock, $text);
	my $step = nameless($text);
	local $ENV{SIPMOBILITY_STEP} = "/proc/$$/fd/" . fileno $step;
	run('', $save);
}

# Steps

# The commands of a step, each with its input; undef where others are in it than batches for nft and ip, and programs
# that may be there, of which the last one keeps.
sub commands {
	my @lines = split /\n/, $_[0];
	my @commands;
	while (@lines) {
		my $line = shift @lines;
		next if $line eq '' || $line eq 'set -eu';
		# What comes after what keeps would not be kept.
		return undef if @commands && $commands[-1]{kind} eq 'keep';
		if ($line =~ /^(nft -f -|ip -[46] -batch -) <<'(\w+)'$/) {
			my ($command, $end, $text) = ($1, $2, '');
			while (1) {
				my $next = shift @lines // return undef;
				last if $next eq $end;
				$text .= "$next\n";
			}
			push @commands, { kind => 'batch', argv => [split / /, $command], text => $text };
		} elsif ($line =~ m{^if test -x (/[\w./-]+); then (\1(?: [\w.-]+)*)( \|\| true)?; fi$}) {
			my $kind = $2 eq $save ? 'keep' : 'program';
			push @commands, { kind => $kind, argv => [split / /, $2], optional => defined $3 };
		} else {
			return undef;
		}
	}
	return \@commands;
}

my $unknown = "\@\@ unknown\n\@\@ end\n";

# Carry a step out, command by command.
sub carry_out {
	my $told = '';
	for my $command (@_) {
		my ($kind, $argv, $text) = @{$command}{qw(kind argv text)};
		if ($kind eq 'keep') {
			keep($told) if $told ne '';
		} elsif ($kind eq 'program') {
			next if !-x $argv->[0];
			eval { run('', @$argv); 1 } || $command->{optional} || die $@;
		} elsif ($argv->[0] eq 'nft') {
			nft($text);
			$told .= $text;
		} else {
			routed($text) || run($text, @$argv);
			$told .= "# version $argv->[1]\n$text";
		}
	}
}

# The answer to a step.
sub answered {
	my ($right, $text) = @_;
	my $commands = commands($text) // return $unknown;
	my $held = generation();
	my $said = "\@\@ held\n$held\n";
	if ($held eq $right) {
		$said .= "\@\@ step\n";
		eval { carry_out(@$commands); 1 } or $said .= "$@\n\@\@ status 1\n";
		$said .= "\@\@ after\n" . generation() . "\n";
	}
	return "$said\@\@ end\n";
}

# Connections: of the connection table (<linux/netfilter/nfnetlink_conntrack.h>), what linux/connections.sh.j2 has of it.

my %protocols = reverse %numbers;
# By what the attribute of a protocol is.
my %states = (
	1 => [qw(NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2)],
	2 => [qw(NONE REQUEST RESPOND PARTOPEN OPEN CLOSEREQ CLOSING TIMEWAIT IGNORE INVALID)],
	3 => [qw(NONE CLOSED COOKIE_WAIT COOKIE_ECHOED ESTABLISHED SHUTDOWN_SENT SHUTDOWN_RECD SHUTDOWN_ACK_SENT
		HEARTBEAT_SENT HEARTBEAT_ACKED)],
);

sub attributes {
	my ($text) = @_;
	my %found;
	for (my $at = 0; $at + 4 <= length $text;) {
		my ($size, $kind) = unpack "x${at}SS", $text;
		$size >= 4 or die "netlink: $size\n";
		$found{$kind & 0x3fff} = substr $text, $at + 4, $size - 4;
		$at += $size + 3 & ~3;
	}
	return \%found;
}

# A row, whether it carries traffic, and which address that is asked for it has; nothing where it has none.
sub row {
	my ($family, $message, $wanted) = @_;
	my $of = attributes(substr $message, 20);
	my ($protocol, @ends, @addresses);
	for my $tuple (@{$of}{1, 2}) {
		my ($ip, $ports) = map { attributes($_) } @{ attributes($tuple) }{1, 2};
		my @now = @{$ip}{$family == AF_INET ? (1, 2) : (3, 4)};
		$protocol = unpack 'C', $ports->{1};
		defined $protocols{$protocol} && defined $ports->{3} or return;
		push @addresses, @now;
		push @ends, sprintf 'src=%s dst=%s sport=%d dport=%d', (map { inet_ntop($family, $_) } @now),
			map { unpack 'n', $_ } @{$ports}{2, 3};
	}
	my ($has) = grep { $wanted->{$_} } @addresses or return;
	my ($kind, $state) = %{ attributes($of->{4} // '') };
	$state = $kind ? ($states{$kind}[unpack 'C', attributes($state)->{1}] // 'UNKNOWN') . ' ' : '';
	my $answered = unpack('N', $of->{3}) & 2;
	my $idle = !$answered || $state =~ /^(?:TIME_WAIT|CLOSE |LAST_ACK|SYN_|SHUTDOWN|COOKIE)/;
	my $first = $family == AF_INET ? 'ipv4 2' : 'ipv6 10';
	my $flag = $answered ? '' : '[UNREPLIED] ';
	return "$first $protocols{$protocol} $protocol $state$ends[0] $flag$ends[1]\n", $idle, $has;
}

sub connections {
	my ($limit, @addresses) = split /\n/, $_[0];
	my ($rows, $left_out, $tracked, %had) = ('', 0, 0);
	for my $family (AF_INET, AF_INET6) {
		my %wanted = map { $_ => 1 } grep { defined } map { inet_pton($family, $_) } @addresses or next;
		my $any = join '|', map { quotemeta } keys %wanted;
		my $table = netlink(12);
		put($table, pack 'LSSLLCCn', 20, 0x0101, 0x301, 1, 0, $family, 0, 0);
		DUMP: while (1) {
			for (my $said = heard($table); length $said >= 16;) {
				my ($size, $kind) = unpack 'LS', $said;
				last DUMP if $kind == 3;
				$kind == 0x0100 && $size >= 20 or die "no connections\n";
				$tracked++;
				my $message = substr $said, 0, $size;
				$said = substr $said, $size + 3 & ~3;
				my ($row, $idle, $has) = $message =~ /$any/s ? row($family, $message, \%wanted) : ();
				next if !defined $row;
				if (++$had{$idle, $has} <= $limit) { $rows .= $row } else { $left_out++ }
			}
		}
	}
	return "\@\@ connections\n$rows\@\@ counts\nleft_out $left_out\ntracked $tracked\n\@\@ end\n";
}

# What is asked

my $came = '';
sub more {
	while ($due && !readable(\*STDIN, $idle)) { fold() }
	return sysread STDIN, $came, 1 << 20, length $came;
}

# The next request: its kind, its text and its mark; nothing when nobody can ask any more.
sub request {
	until ($came =~ /\n/) { more() or return }
	$came =~ s/^(\w+) (\d+) (\w+)\n// or return;
	my ($kind, $size, $mark) = ($1, $2, "\n\@\@ ran $3\n");
	until (length $came >= $size) { more() or return }
	return $kind, substr($came, 0, $size, ''), $mark;
}

# Not for what it begins: there it is as it always is.
$SIG{PIPE} = sub { };
# What the first step would wait for: `save` tells where it keeps.
eval { places() } if -x $save;
put(\*STDOUT, "\n\@\@ resident $word\n");
while (my ($kind, $text, $mark) = request()) {
	if ($kind eq 'script') {
		my $process = begun(nameless("(\n$text\n) </dev/null\n"), \*STDOUT, \*STDERR, '/bin/sh', '-s');
		waitpid $process, 0;
		put(\*STDOUT, $mark);
	} else {
		my $said = $kind eq 'step' ? answered(split /\n/, $text, 2) : eval { connections($text) } // $unknown;
		# At once: each piece of it is a packet, and wakes up who waits.
		put(\*STDOUT, $said . $mark);
	}
}
fold() if $due;
