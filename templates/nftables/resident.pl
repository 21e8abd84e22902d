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
# Input: a line `script LENGTH MARK` or `step LENGTH MARK`, and so many bytes. Those of a step begin with a line, the
# generation in which it is right. The mark ends the answer, whose sections are those of linux/guarded.sh.j2.

use strict;
use Fcntl qw(LOCK_EX O_APPEND O_CREAT O_RDONLY O_RDWR);
use IO::Handle ();
use Socket qw(AF_INET AF_INET6 inet_pton);

my ($save, $word) = @ARGV;

# Seconds without a step, and size of the journal, from which it is made part of what else is kept. A step that comes
# meanwhile waits for that: in a stream of steps, it is to be rare.
my ($idle, $much) = (0.5, 1 << 20);
# Seconds that the kernel, nft, and an nft that has just begun may be silent.
my ($kernels, $nfts, $beginning) = (5, 60, 5);

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

# nft, held open at its command line, in front of a file in which it finds what it is to do. Where that is no way, as
# it is built without a command line, one is begun for each step. A process that ends closes its socket, and waits for
# the kernel to free what the last step took away.

my ($nft, $asking, $saying, $task);
# How its answer to the second of two lines begins: the first is done. What else it says then, piece by piece, is not
# waited for.
my ($then, $done) = ('describe ipv4_addr', qr/^datatype ipv4_addr /m);

sub nft_ends {
	if ($nft) {
		kill 'KILL', $nft;
		waitpid $nft, 0;
	}
	($nft, $asking, $saying) = ();
}

# Its answer; undef where it ended.
sub nft_answers {
	my ($text, $seconds) = @_;
	sysseek $task, 0, 0;
	put($task, $text);
	truncate $task, length $text;
	put($asking, qq(include "/proc/$$/fd/) . fileno($task) . qq("\n$then\n));
	my $words = '';
	until ($words =~ $done) {
		readable($saying, $seconds) or die "nft took too long\n";
		sysread $saying, $words, 65536, length $words or return undef;
	}
	return $words;
}

# Whether it was not killed while nothing was asked.
sub nft_is_there {
	while (readable($saying, 0)) {
		sysread $saying, my $late, 65536 or return 0;
	}
	return 1;
}

sub nft_begins {
	pipe(my $from, $asking) && pipe($saying, my $to) or die "pipe: $!\n";
	# nft notes what it was told in a file of the home directory, and may ask what terminal this is.
	local @ENV{qw(HOME TERM)} = ('/dev/null', 'dumb');
	$nft = begun($from, $to, $to, 'nft', '-i');
}

# One transaction.
sub nft {
	my ($text) = @_;
	return run($text, 'nft', '-f', '-') if !$task;
	nft_ends() if $nft && !nft_is_there();
	nft_begins() if !$nft;
	my $before = generation();
	my $words = eval { nft_answers($text, $nfts) };
	if (!defined $words) {
		my $slow = $@ =~ /too long/;
		nft_ends();
		# It may have done it without a word; where it did not, another does.
		return run($text, 'nft', '-f', '-') if !$slow && generation() eq $before;
		die $slow ? $@ : "nft ended\n";
	}
	# Its words, without where it had them from.
	$words =~ s/\A.*^In file included [^\n]*\n|$done.*//msg;
	die $words =~ s/^\S+: (?=Error: )//mgr if $words =~ /Error: /;
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
	my $commands = commands($text) // return "\@\@ unknown\n\@\@ end\n";
	my $held = generation();
	my $said = "\@\@ held\n$held\n";
	if ($held eq $right) {
		$said .= "\@\@ step\n";
		eval { carry_out(@$commands); 1 } or $said .= "$@\n\@\@ status 1\n";
		$said .= "\@\@ after\n" . generation() . "\n";
	}
	return "$said\@\@ end\n";
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
eval {
	$task = nameless('');
	nft_begins();
	nft_answers("describe ipv6_addr\n", $beginning) =~ /^datatype ipv6_addr /m or die;
	1;
} or do {
	nft_ends();
	undef $task;
};
# What the first step would wait for: nft reads what tables there are, and `save` tells where it keeps.
eval { nft("get element ip {{ table }} in_use { ip }\n") } if $nft;
eval { places() } if -x $save;
put(\*STDOUT, "\n\@\@ resident $word\n");
while (my ($kind, $text, $mark) = request()) {
	if ($kind eq 'script') {
		my $process = begun(nameless("(\n$text\n) </dev/null\n"), \*STDOUT, \*STDERR, '/bin/sh', '-s');
		waitpid $process, 0;
		put(\*STDOUT, $mark);
	} else {
		# At once: each piece of it is a packet, and wakes up who waits.
		put(\*STDOUT, answered(split /\n/, $text, 2) . $mark);
	}
}
fold() if $due;
