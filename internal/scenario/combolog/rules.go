package combolog

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// What a row of an import is.
const (
	Valid     = "valid"
	Unchanged = "unchanged"
	Ambiguous = "ambiguous"
	Wrong     = "wrong"
)

// ImportRow is what a row of an import means.
type ImportRow struct {
	Row        int            `json:"row" doc:"In the file, where the header is row 1."`
	Status     string         `json:"status" enum:"valid,unchanged,ambiguous,wrong" doc:"unchanged: the combo is like that already. ambiguous: somebody has to say which products are meant."`
	Action     string         `json:"action" enum:"create,change,none" doc:"What its confirmation does."`
	Identifier string         `json:"identifier,omitempty" doc:"Of the combo to be changed; a new one gets its own."`
	ComboID    *uuid.UUID     `json:"comboId,omitempty" doc:"Of the combo to be changed."`
	Version    int64          `json:"version,omitempty" doc:"Of that combo when the file was read."`
	Combo      *combo.Report  `json:"combo,omitempty" doc:"As it would be stored; left out where the row is wrong."`
	Products   []ProductMatch `json:"products" doc:"Which products the row means, in their order; empty where it doesn't say."`
	Faults     []ImportFault  `json:"faults" doc:"All that is wrong with it."`
}

// ImportFault is one thing that is wrong with a row.
type ImportFault struct {
	Column  string `json:"column"`
	Message string `json:"message"`
}

// divider stands between the products of a cell, and between their roles.
const divider = "|"

// list returns the parts of a cell; none where it is empty.
func list(cell string) (parts []string) {
	if cell == "" {
		return nil
	}
	for part := range strings.SplitSeq(cell, divider) {
		parts = append(parts, strings.TrimSpace(part))
	}
	return parts
}

// judge says what a row means. before is the combo of its identifier, nil where it
// has none; matches has all products that it names.
//
// first is the row that has its identifier before it, 0 where none has.
func judge(row cells, before *combo.Combo, first int, set settings.Values, matches map[string]ProductMatch) ImportRow {
	v := ImportRow{Row: row.number, Status: Valid, Action: "create", Products: []ProductMatch{}, Faults: []ImportFault{}}
	v.Combo = &combo.Report{Source: combo.Import}
	var was *combo.Report
	if before != nil {
		v.Action, v.Identifier, v.ComboID, v.Version = "change", before.Identifier, &before.ID, before.Version
		as := before.Payload
		v.Combo, was = &as, &before.Payload
	}
	if identifier := row.values["identifier"]; identifier != "" && before == nil {
		v.fault("identifier", "there is no such combo: correct it, or leave it empty for a new one")
	}
	if first != 0 {
		v.fault("identifier", "is that of row %d already", first)
	}
	v.details(row.values)
	open := v.products(row.values, matches, was)
	*v.Combo = v.Combo.Tidied()
	known := map[shop.ID]bool{}
	checked := *v.Combo
	checked.Products = nil
	for _, p := range v.Combo.Products {
		if p.ProductID != 0 { // the others are told already
			p.Position, known[p.ProductID] = len(checked.Products)+1, true
			checked.Products = append(checked.Products, p)
		}
	}
	for _, f := range checked.Check(set, known, was) {
		if open == 0 || f.Location != "body.products" {
			v.fault(columnOf(f.Location), "%s", f.Message)
		}
	}
	slices.SortFunc(v.Faults, func(a, b ImportFault) int {
		return slices.Index(columns(), a.Column) - slices.Index(columns(), b.Column)
	})
	switch {
	case len(v.Faults) > 0:
		v.Status, v.Action, v.Combo = Wrong, "none", nil
	case open > 0:
		v.Status = Ambiguous
	case was != nil && reflect.DeepEqual(*v.Combo, *was):
		v.Status, v.Action = Unchanged, "none"
	}
	return v
}

func (v *ImportRow) fault(column, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	for _, f := range v.Faults {
		if f.Column == column { // what a text can't be read as is wrong once
			return
		}
	}
	v.Faults = append(v.Faults, ImportFault{column, message})
}

// columnOf is the column of a field of a combo, such as body.products[0].role.
func columnOf(location string) string {
	if strings.HasSuffix(location, ".role") {
		return "roles"
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(location, "body."), "[")
	return name
}

// details reads all columns but those of products.
func (v *ImportRow) details(cells map[string]string) {
	c := v.Combo
	for name, into := range map[string]*string{"type": &c.Type, "audience": &c.Audience, "channel": &c.Channel, "notes": &c.Notes} {
		if cell, ok := cells[name]; ok {
			*into = cell
		}
	}
	c.Type, c.Audience = strings.ToUpper(c.Type), strings.ToUpper(c.Audience)
	if cell, ok := cells["startedOn"]; ok {
		c.StartedOn = shop.Day(cell)
	}
	cell, ok := cells["endedOn"]
	_ = read(ok, cell, &c.EndedOn, func(s string) (shop.Day, error) { return shop.Day(s), nil }) // Check says whether it is one
	cell, ok = cells["outcome"]
	_ = read(ok, cell, &c.Outcome, func(s string) (string, error) { return strings.ToLower(s), nil })
	for name, into := range map[string]**shop.Amount{"spend": &c.Spend, "revenue": &c.Revenue} {
		cell, ok := cells[name]
		if read(ok, cell, into, shop.ParseAmount[string]) != nil {
			v.fault(name, "is no amount: write it as 1234.50, without a currency or thousands")
		}
	}
	for name, into := range map[string]**int64{"impressions": &c.Impressions, "clicks": &c.Clicks, "purchases": &c.Purchases} {
		cell, ok := cells[name]
		if read(ok, cell, into, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }) != nil {
			v.fault(name, "is no whole number: write it as 1234")
		}
	}
}

// read puts the value of a cell in, nil for an empty one. A column that the file
// hasn't leaves what there is.
func read[T any](there bool, cell string, into **T, parse func(string) (T, error)) error {
	if !there {
		return nil
	}
	*into = nil
	if cell == "" {
		return nil
	}
	value, err := parse(cell)
	if err == nil {
		*into = &value
	}
	return err
}

// products reads products and roles, and returns how many products are open: they
// may be one or another.
func (v *ImportRow) products(cells map[string]string, matches map[string]ProductMatch, was *combo.Report) (open int) {
	roles := map[shop.ID]string{}
	if was != nil {
		for _, p := range was.Products {
			roles[p.ProductID] = p.Role
		}
	}
	products := v.Combo.Products
	if cell, ok := cells["products"]; ok {
		products = nil
		for i, reference := range list(cell) {
			m := matches[reference]
			p := combo.Product{Position: i + 1}
			switch {
			case m.Product != nil:
				p.ProductID, p.Role = m.Product.ProductID, roles[m.Product.ProductID]
			case len(m.Candidates) > 0:
				open++
			default:
				open++
				v.fault("products", "product %d is none that there is: write its id, handle or title", i+1)
			}
			products, v.Products = append(products, p), append(v.Products, m)
		}
	}
	if cell, ok := cells["roles"]; ok {
		given := list(cell)
		if len(given) > 0 && len(given) != len(products) {
			v.fault("roles", "are %d and the products %d: write one for each, between %s, or none at all", len(given), len(products), divider)
		}
		products = slices.Clone(products)
		for i := range products {
			products[i].Role = ""
			if i < len(given) {
				products[i].Role = given[i]
			}
		}
	}
	v.Combo.Products = products
	return open
}

// Choice says which product an ambiguous row means.
type Choice struct {
	Row       int     `json:"row" minimum:"2" doc:"Of the file."`
	Product   int     `json:"product" minimum:"1" doc:"Which of the row's products, from 1 on."`
	ProductID shop.ID `json:"productId" doc:"That is meant."`
}

// writes returns what is to be written for rows, and the row of each. All choices
// must be needed, and all that are needed must be there.
func writes(rows []ImportRow, choices []Choice) (list []combo.Write, of []int, faults api.Faults) {
	chosen := map[[2]int]int{}
	for i, c := range choices {
		if j, twice := chosen[[2]int{c.Row, c.Product}]; twice {
			faults.Add(fmt.Sprintf("body.choices[%d]", i), "is for the same product as choices[%d]", j)
		}
		chosen[[2]int{c.Row, c.Product}] = i
	}
	for i, v := range rows {
		if v.Action == "none" {
			continue
		}
		w := combo.Write{Report: *v.Combo}
		if v.ComboID != nil {
			w.ID, w.Seen = *v.ComboID, api.IfMatch{ETag: strconv.FormatInt(v.Version, 10)}
		}
		w.Report.Products = slices.Clone(v.Combo.Products)
		for p := range w.Report.Products {
			place := [2]int{v.Row, p + 1}
			choice, ok := chosen[place]
			switch {
			case w.Report.Products[p].ProductID != 0:
			case !ok:
				faults.Add("body.choices", "lacks product %d of row %d, which may be one or another", p+1, v.Row)
			default:
				w.Report.Products[p].ProductID = choices[choice].ProductID
				delete(chosen, place)
			}
		}
		list, of = append(list, w), append(of, i)
	}
	for place, i := range chosen {
		faults.Add(fmt.Sprintf("body.choices[%d]", i), "is for product %d of row %d, which there is nothing to choose for", place[1], place[0])
	}
	return list, of, faults
}
