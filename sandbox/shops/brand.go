package shops

import "strconv"

// productLine is what a design is printed on.
type productLine struct {
	name, kind, vendor string
	price              int // in hundredths
	variants           []string
}

// The words of the invented brand. Some carry accents and emoji, because real
// ones do.
func productLines() []productLine {
	cases := []string{"Glossy", "Matte", "MagSafe®"}
	return []productLine{
		{"iPhone 17", "Phone Case", "Paper Moth", 3495, cases},
		{"iPhone 17 Pro", "Phone Case", "Paper Moth", 3695, cases},
		{"iPhone 17 Pro Max", "Phone Case", "Paper Moth", 3895, cases},
		{"iPhone 16", "Phone Case", "Paper Moth", 2995, cases},
		{"iPhone 16 Pro", "Phone Case", "Paper Moth", 3195, cases},
		{"Galaxy S26", "Phone Case", "Paper Moth", 3295, cases},
		{"Galaxy S26 Ultra", "Phone Case", "Paper Moth", 3595, cases},
		{"iPhone 15", "Phone Case", "Paper Moth", 2495, cases},
		{"Pixel 10", "Phone Case", "Paper Moth", 3195, cases},
		{"AirPods Pro 3", "Earbud Case", "Paper Moth", 2450, []string{"Clear", "Solid"}},
		{"AirPods 4", "Earbud Case", "Paper Moth", 2250, []string{"Clear", "Solid"}},
		{"MagSafe Grip", "Grip", "Moth & Co", 1999, nil},
		{"MagSafe Wallet", "Wallet", "Moth & Co", 2799, []string{"Black", "Crème"}},
		{"Laptop Sleeve", "Sleeve", "Moth & Co", 4150, []string{"13″", "14″", "16″"}},
	}
}

func adjectives() []string {
	return []string{"Midnight", "Wild", "Pressed", "Neon", "Velvet", "Sunday", "Café", "Golden", "Tiny", "Electric", "Faded", "Coral",
		"Frozen", "Señorita", "Quiet", "Cosmic", "Lemon", "Smoky", "Paper", "Twin", "Hollow", "Lucky", "Crème", "Static", "Desert",
		"Marble", "Plaid", "Ultra", "Sleepy", "Rosé"}
}

func nouns() []string {
	return []string{"Bloom", "Fern", "Checkerboard", "Moth", "Mushroom", "Swirl", "Daisy", "Tide", "Leopard", "Orchard", "Cactus", "Moon 🌙",
		"Butterfly", "Cherry 🍒", "Waves", "Garden", "Piñata", "Comet", "Tulip", "Ghost", "Harbor", "Meadow", "Lightning", "Clouds ☁️",
		"Strawberry", "Zebra", "Sunset", "Evil Eye 🧿", "Terrazzo", "Bows"}
}

// designers are studios, not people.
func designers() []string {
	return []string{"Studio Halm", "Wild Fern Works", "Atelier Nº 9", "Inkwell & Sons", "Otterprint", "Kiosk 44", "Salt Lane", "Blauhaus"}
}

func seasons() []string {
	return []string{"Spring", "Summer", "Fall", "Holiday"}
}

func collections() []string {
	return []string{"Florals", "Retro", "Animals", "Celestial", "Minimal", "Y2K", "Trending"}
}

// designName names the n-th design; names repeat with a number behind.
func designName(n int) string {
	a, b := adjectives(), nouns()
	name := a[n%len(a)] + " " + b[(n/len(a)+n)%len(b)]
	if round := n / (len(a) * len(b)); round > 0 {
		name += " " + strconv.Itoa(round+1)
	}
	return name
}
